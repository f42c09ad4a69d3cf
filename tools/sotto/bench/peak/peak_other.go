//go:build !amd64

package peak

func fastest() loops { return portable }

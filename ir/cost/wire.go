package cost

// FrameHeaderBytes and MaxFramePayload are the framing constants of runtime/wire, kept here as well because this
// package is a leaf; a test in runtime/wire holds the two pairs equal.
const (
	FrameHeaderBytes = 8
	MaxFramePayload  = 64 << 10
)

// FrameBytes gives the bytes that one message of the given payload puts on the connection above TLS: the payload
// and one header for each frame, payload + 8*ceil(payload/65536). An empty message sends nothing.
func FrameBytes(payload int64) int64 {
	frames := payload / MaxFramePayload
	if payload%MaxFramePayload != 0 {
		frames++
	}
	return payload + FrameHeaderBytes*frames
}

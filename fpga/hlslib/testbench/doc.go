// Package testbench tests the kernels of fpga/hlslib that garble, evaluate, extend OTs and compare: testdata/garbling.cpp runs their commands on
// memories that the tests make, and every word that they write is held against the runtime's.
package testbench

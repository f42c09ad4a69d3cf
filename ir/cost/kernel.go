package cost

import (
	"fmt"
	"slices"
)

// Kernel is a kind of local work that has a price of its own. An op's Cost says how many units of which kernels each party does, and
// from which moment on; a Target says what a unit takes. The list holds what takes a fiftieth or more of any example network's online
// or offline time; what is below is part of the price of a call of its neighbour.
type Kernel uint8

// The kernels, by what they belong to. Units and meaning are in kernelTable.
const (
	Conv32 Kernel = iota
	Conv64
	Depthwise32
	Depthwise64
	Batch64
	Weights
	PackWeights
	Vectors
	Gather
	Tour
	PackBits
	Expand
	Spill
	Allocate

	Garble
	Evaluate
	SendLabels

	BaseOTPoints
	BaseOTKeys
	SoftSpokenOT
	IKNPOT
	FerretSend
	FerretReceive
	Hash
	Digit
	Turn
	Multiply

	EvaluateKey
	DealKey

	Encrypt
	Absorb
	PlaceWeights
	TransformWeights
	MultiplyPoly
	Reply
	Decrypt
	SlotEncrypt
	SlotEvaluate
	SlotDecrypt

	SendByte
	ReceiveByte
	Wake

	Begin

	Kernels = iota // how many there are
)

// kernelTable by number.
var kernelTable = [Kernels]struct {
	name, unit, doc string
}{
	Conv32:      {"conv32", "multiply-add", "convolutions and matrix products over Z/2^32, groups of several channels"},
	Conv64:      {"conv64", "multiply-add", "the same over Z/2^64"},
	Depthwise32: {"depthwise32", "multiply-add", "convolutions over Z/2^32 with a channel a group"},
	Depthwise64: {"depthwise64", "multiply-add", "the same over Z/2^64"},
	Batch64:     {"batch64", "multiply-add", "products of two opened values of a batch over Z/2^64, forward and back: neither is ready for the kernels, both change"},
	Weights:     {"weights", "byte", "packed weights that a linear map reads from memory, once an application"},
	PackWeights: {"pack-weights", "byte", "weights put into the order in which the kernels read them, once a session"},
	Vectors:     {"elementwise", "byte", "vectors that elementwise steps read and write; a call is an instruction"},
	Gather:      {"gather", "element", "elements that a pool, a concatenation or a window moves"},
	Tour:        {"tour", "element", "elements that a stage of a tournament moves, with the index of where from"},
	PackBits:    {"pack-bits", "element", "ring elements packed to fewer bits for a message, or unpacked"},
	Expand:      {"expand", "byte", "masks and shares that a seed expands to"},
	Spill:       {"spill", "byte", "what is put away for the online phase, or fetched"},
	Allocate:    {"allocate", "byte", "memory that is taken from the system, written for the first time"},

	Garble:     {"garble", "AES block", "garbling AND gates, with inputs, XORs and tables: 8 or 12 blocks a gate"},
	Evaluate:   {"evaluate", "AES block", "evaluating them: 4 or 6 blocks a gate"},
	SendLabels: {"labels", "label", "labels of the garbler's inputs, online"},

	BaseOTPoints:  {"base-ot-points", "OT", "a point of a base OT over ristretto255, at who chooses in it"},
	BaseOTKeys:    {"base-ot-keys", "OT", "the keys of a base OT made of the points, at either end"},
	SoftSpokenOT:  {"softspoken-ot", "OT", "a correlated OT of SoftSpoken at either end"},
	IKNPOT:        {"iknp-ot", "OT", "a correlated OT of IKNP at either end"},
	FerretSend:    {"ferret-send", "OT", "a correlated OT of Ferret at its sender"},
	FerretReceive: {"ferret-receive", "OT", "a correlated OT of Ferret at its receiver"},
	Hash:          {"hash", "hash", "correlated OTs hashed into pads: two an OT at the sender, one at the receiver"},
	Digit:         {"digit", "digit", "a digit of four bits of a comparison by OT: corrected or selected by the receiver, offered by the sender; the tree included"},
	Turn:          {"turn", "digit", "the masks of a digit's messages brought into the order of the receiver's values, at the sender"},
	Multiply:      {"multiply", "OT", "an OT of a product of two numbers: its correlation at one end, what the choice makes of it at the other"},

	EvaluateKey: {"evaluate-key", "AES block", "evaluating keys of comparisons that a dealer made"},
	DealKey:     {"deal-key", "AES block", "making such keys, at the dealer"},

	Encrypt:          {"encrypt", "limb", "a limb of a polynomial encrypted for an upload"},
	Absorb:           {"absorb", "limb", "a limb of an upload taken in, its seed expanded"},
	PlaceWeights:     {"place-weights", "coefficient", "a weight put at its place in a polynomial, modulo one prime"},
	TransformWeights: {"transform-weights", "limb", "a limb of a polynomial of weights transformed"},
	MultiplyPoly:     {"multiply-poly", "limb", "a limb of a product of polynomials with both halves of a ciphertext, summed"},
	Reply:            {"reply", "limb", "a limb of a reply: encryption of zero, transforms back, rounding, packing"},
	Decrypt:          {"decrypt", "reply", "a reply decrypted"},
	SlotEncrypt:      {"slot-encrypt", "ciphertext", "a ciphertext of slots encrypted"},
	SlotEvaluate:     {"slot-evaluate", "ciphertext", "one taken in, multiplied and answered"},
	SlotDecrypt:      {"slot-decrypt", "ciphertext", "its reply decrypted"},

	SendByte:    {"send", "byte", "a byte sent, above the link: framing, encryption, system calls; a call is a message"},
	ReceiveByte: {"receive", "byte", "a byte received, the same; a call is a message, with the waking of whoever waits for it"},
	Wake:        {"wake", "message", "a message for which a party waited until its core slept, beside what one takes that it waits for briefly"},

	Begin: {"begin", "session", "what a session begins with at either party: memory, tables and keys that are made once"},
}

func (k Kernel) String() string {
	if int(k) >= len(kernelTable) {
		return fmt.Sprintf("kernel(%d)", uint8(k))
	}
	return kernelTable[k].name
}

// Unit names what is counted: "multiply-add".
func (k Kernel) Unit() string { return kernelTable[k].unit }

// Doc says what the kernel does.
func (k Kernel) Doc() string { return kernelTable[k].doc }

// AllKernels lists the kernels in order.
func AllKernels() []Kernel {
	all := make([]Kernel, Kernels)
	for i := range all {
		all[i] = Kernel(i)
	}
	return all
}

// ParseKernel reads a name.
func ParseKernel(s string) (Kernel, error) {
	if i := slices.IndexFunc(AllKernels(), func(k Kernel) bool { return k.String() == s }); i >= 0 {
		return Kernel(i), nil
	}
	return 0, fmt.Errorf("no kernel is called %q: accepted are %v", s, AllKernels())
}

// ConvKernel is the kernel of a linear map in a ring of so many bits, of a channel a group or more.
func ConvKernel(ring int, depthwise bool) Kernel {
	k := Conv32
	if depthwise {
		k = Depthwise32
	}
	if ring > 32 {
		k++
	}
	return k
}

// BatchKernel is the kernel of products of two opened values of a batch in a ring of so many bits. Those of the wide ring alone have a price of
// their own: steps in fixed point are in it.
func BatchKernel(ring int) Kernel {
	if ring > 32 {
		return Batch64
	}
	return Conv32
}

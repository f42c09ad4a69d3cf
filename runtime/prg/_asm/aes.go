package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	rounds     = 10 // of AES-128
	blockBytes = 16
	zmmBytes   = 64
	zmmBlocks  = zmmBytes / blockBytes

	// inFlight is how many registers go through the rounds side by side: an AES instruction has a latency of 3 to 4
	// cycles and one or two start in a cycle, so eight independent ones keep the units busy.
	inFlight = 8

	xor3 = 0x96 // VPTERNLOGQ's truth table of a ^ b ^ c
)

// vector is a virtual vector register.
type vector = reg.VecVirtual

// vectors gives n new registers.
func vectors(n int, one func() vector) []vector {
	v := make([]vector, n)
	for i := range v {
		v[i] = one()
	}
	return v
}

// schedule is where the rounds take their keys from.
type schedule interface {
	key(round int) vector
}

// loadedKeys loads the key of a round when it is asked for: sixteen registers have no room for eleven keys.
type loadedKeys struct{ base reg.Register }

func (k loadedKeys) key(round int) vector {
	v := XMM()
	VMOVDQU(Mem{Base: k.base, Disp: round * blockBytes}, v)
	return v
}

// residentKeys keeps all round keys in registers, each in all four blocks.
type residentKeys [rounds + 1]vector

func (k *residentKeys) key(round int) vector { return k[round] }

// broadcastKeys loads the key of a round into all four blocks when it is asked for: more than eight states in flight have no room
// for resident ones.
type broadcastKeys struct{ base reg.Register }

func (k broadcastKeys) key(round int) vector {
	v := ZMM()
	VBROADCASTI32X4(Mem{Base: k.base, Disp: round * blockBytes}, v)
	return v
}

// loadKeys fills residentKeys from 176 bytes of round keys.
func loadKeys(base reg.Register) *residentKeys {
	var k residentKeys
	for r := range k {
		k[r] = ZMM()
		VBROADCASTI32X4(Mem{Base: base, Disp: r * blockBytes}, k[r])
	}
	return &k
}

// encrypt applies rounds 1 to 10 to states that have been XORed with the key of round 0.
func encrypt(keys schedule, states []vector) { weave(keys, states, nil) }

// weave is encrypt with other work between the rounds, spread evenly over them: units of a processor that do not do AES do it
// meanwhile, for which it need not look far ahead.
func weave(keys schedule, states []vector, work []func()) {
	done := 0
	for r := 1; r <= rounds; r++ {
		k := keys.key(r)
		for i, s := range states {
			if r < rounds {
				VAESENC(k, s, s)
			} else {
				VAESENCLAST(k, s, s)
			}
			for ; done*rounds*len(states) < ((r-1)*len(states)+i+1)*len(work); done++ {
				work[done]()
			}
		}
	}
}

// words64 gives read-only data of 64-bit words, defined at the first use of its name.
func words64(name string, words ...uint64) Mem {
	if m, ok := defined[name]; ok {
		return m
	}
	m := GLOBL(name, NOPTR|RODATA)
	for i, w := range words {
		DATA(8*i, U64(w))
	}
	defined[name] = m
	return m
}

var defined = map[string]Mem{}

// tweaks is a vector of tweaks: four blocks have four consecutive ones in their low halves.
type tweaks struct{ at vector }

// loadTweaks starts at the tweak in a general register.
func loadTweaks(first reg.Register) *tweaks {
	t := &tweaks{ZMM()}
	VPBROADCASTQ(first, t.at)
	VPANDQ(lowHalves("lowHalves", ^uint64(0)), t.at, t.at)
	VPADDQ(words64("ramp", 0, 0, 1, 0, 2, 0, 3, 0), t.at, t.at)
	return t
}

// plus gives the vector n tweaks further on.
func (t *tweaks) plus(n uint64) vector {
	if n == 0 {
		return t.at
	}
	v := ZMM()
	VPADDQ(step(n), t.at, v)
	return v
}

// advance moves on by n tweaks.
func (t *tweaks) advance(n uint64) { VPADDQ(step(n), t.at, t.at) }

// step is what to add to a vector of tweaks.
func step(n uint64) Mem { return lowHalves(fmt.Sprintf("plus%d", n), n) }

// lowHalves gives data with one word in the low half of each block.
func lowHalves(name string, w uint64) Mem { return words64(name, w, 0, w, 0, w, 0, w, 0) }

// argument loads an argument into a register.
func argument(name string) reg.Register { return Load(Param(name), GP64()) }

// repeat closes a loop: it jumps to label while the counter, less one, is not 0.
func repeat(counter reg.Register, label string) {
	DECQ(counter)
	JNZ(LabelRef(label))
}

// entry begins a function that has work only if its argument batches is not 0, and gives that counter.
func entry(name, signature string, doc ...string) reg.Register {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(doc...)
	n := argument("batches")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	return n
}

// leave ends it.
func leave() {
	VZEROUPPER()
	Label("done")
	RET()
}

package hlslib

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"sotto/fpga/target"
)

// Config is the constants of a board's kernels: the struct that the headers are templates over. word.hpp says what each is.
type Config struct {
	Ring          int // bits of a word: 32 or 64
	TM, TN        int
	Pixels        int
	InWords       int
	InPorts       int
	WeightRows    int
	Port          int
	Channels      int
	ChannelWords  int
	ChannelPixels int
	Taps          int
	Lanes         int
	Chunk         int
	PoolLanes     int
	PoolWords     int
	Move          int
	LinkWords     int
	LinkDepth     int
	Queue         int
	CompareLanes  int
	OTAES         int
	OTHashes      int
	OTRounds      int // of an AES of the OT step in hardware
	Garbler       Engine
	Evaluator     Engine
}

// Engine is the constants of half-gates engines: labels that one holds of each instance of a block, cycles from a gate to the next and through
// the engine, AES rounds side by side, and how many engines there are.
type Engine struct {
	Slots, Interval, Latency, Rounds, Count int
}

func engineOf(e target.HalfGates, k target.Engines) Engine {
	if k.Count == 0 {
		return Engine{1, 1, 1, 1, 1}
	}
	return Engine{k.Slots, e.Interval(), e.Latency(), e.Rounds(), k.Count}
}

const (
	// wordBlock is the elements whose bits share a word.
	wordBlock = 64
	// lineBytes is the most that a memory port moves a cycle.
	lineBytes = 64
	// mostCopies is how many elements a tool unrolls a loop or partitions an array into.
	mostCopies = target.MostUnrolled
	// mostTaps of a depthwise kernel's weights in registers and small memories: a window of 11 x 11.
	mostTaps = 121
	// queueDepth is the commands that wait at a kernel; linkDepth the beats between a kernel and the network's own buffers.
	queueDepth, linkDepth = 4, 512
)

// ConfigOf is the constants of a design. Buffers are rounded up to whole lines of memory; kernels that are left out have ones, which nothing
// is made of.
func ConfigOf(d target.Design) (Config, error) {
	word := d.Ring / 8
	port := max(1, d.PortBytes/word)
	lines := func(n int) int { return (max(n, 1) + port - 1) / port * port }
	c := Config{
		Ring: d.Ring, TM: d.Conv.TM, TN: d.Conv.TN, Pixels: lines(d.Conv.Pixels), InWords: lines(d.Conv.InputWords / d.Conv.TN), InPorts: d.Conv.Ports,
		WeightRows: d.Conv.WeightWords / d.Conv.TN / d.Conv.TM * d.Conv.TM, Port: port,
		Channels: max(1, d.Depthwise.Lanes), ChannelWords: lines(d.Depthwise.InputWords / max(1, d.Depthwise.Lanes)), ChannelPixels: lines(d.Depthwise.Pixels), Taps: mostTaps,
		Lanes: d.Elementwise.Lanes, Chunk: d.Chunk, PoolLanes: max(1, d.Pool.Lanes), PoolWords: lines(d.Chunk / max(1, d.Pool.Lanes)),
		Move: d.Move.Lanes, LinkWords: (d.Move.Lanes*word + wordBlock/8 - 1) / (wordBlock / 8), LinkDepth: linkDepth, Queue: queueDepth, CompareLanes: max(1, d.Compare.Lanes),
		OTAES: max(1, d.OT.AES), OTHashes: max(1, d.OT.Hashes), OTRounds: d.OT.Rounds(), Garbler: engineOf(d.Garbler(), d.Garble), Evaluator: engineOf(d.Evaluator(), d.Evaluate),
	}
	return c, c.Check()
}

// Check refuses what the headers' own assertions would.
func (c Config) Check() error {
	if c.Ring != 32 && c.Ring != 64 {
		return fmt.Errorf("hlslib: words of %d bits: accepted are 32 and 64", c.Ring)
	}
	for _, v := range slices.Concat(c.constants(), c.Garbler.constants(), c.Evaluator.constants()) {
		if v.value < 1 {
			return fmt.Errorf("hlslib: %s is %d: accepted are positive numbers", v.name, v.value)
		}
	}
	return errors.Join(
		powerOfTwo("PORT", c.Port, lineBytes*8/c.Ring), powerOfTwo("LANES", c.Lanes, wordBlock),
		multiple("IN_WORDS", c.InWords, c.Port), multiple("PIXELS", c.Pixels, c.Port), multiple("WEIGHT_ROWS", c.WeightRows, c.TM),
		multiple("CHANNEL_WORDS", c.ChannelWords, c.Port), multiple("CHANNEL_PIXELS", c.ChannelPixels, c.Port), multiple("POOL_WORDS", c.PoolWords, c.Port),
		multiple("CHUNK", c.Chunk, wordBlock), multiple("CHUNK", c.Chunk, c.Port), multiple("CHUNK", c.Chunk, c.Move), multiple("CHUNK", c.Chunk, c.LinkWords),
		copies("TM x TN", c.TM*c.TN), copies("TN x PORT", c.TN*c.Port), copies("TM x PORT", c.TM*c.Port), copies("CHANNELS x PORT", c.Channels*c.Port),
		copies("POOL_LANES x PORT", c.PoolLanes*c.Port), atMost("IN_PORTS", c.InPorts, mostInPorts), atMost("COMPARE_LANES", c.CompareLanes, target.MostCompareLanes),
		atMost("MOVE", c.Move, c.LinkWords*wordBlock/c.Ring))
}

// mostInPorts is how many ports the array's input comes through.
const mostInPorts = 8

func powerOfTwo(name string, v, most int) error {
	if bits.OnesCount(uint(v)) != 1 || v > most {
		return fmt.Errorf("hlslib: %s is %d: accepted are powers of two up to %d", name, v, most)
	}
	return nil
}

func multiple(name string, v, of int) error {
	if v%of != 0 {
		return fmt.Errorf("hlslib: %s is %d: accepted are multiples of %d", name, v, of)
	}
	return nil
}

func copies(name string, n int) error { return atMost(name, n, mostCopies) }

func atMost(name string, v, most int) error {
	if v > most {
		return fmt.Errorf("hlslib: %s is %d: accepted are 1 to %d", name, v, most)
	}
	return nil
}

type constant struct {
	name  string
	value int
}

// constants are those of the struct, in order, as the headers call them.
func (c Config) constants() []constant {
	return []constant{
		{"TM", c.TM}, {"TN", c.TN}, {"PIXELS", c.Pixels}, {"IN_WORDS", c.InWords}, {"IN_PORTS", c.InPorts}, {"WEIGHT_ROWS", c.WeightRows}, {"PORT", c.Port},
		{"CHANNELS", c.Channels}, {"CHANNEL_WORDS", c.ChannelWords}, {"CHANNEL_PIXELS", c.ChannelPixels}, {"TAPS", c.Taps},
		{"LANES", c.Lanes}, {"CHUNK", c.Chunk}, {"POOL_LANES", c.PoolLanes}, {"POOL_WORDS", c.PoolWords},
		{"MOVE", c.Move}, {"LINK_WORDS", c.LinkWords}, {"LINK_DEPTH", c.LinkDepth}, {"QUEUE", c.Queue}, {"COMPARE_LANES", c.CompareLanes},
		{"OT_AES", c.OTAES}, {"OT_HASHES", c.OTHashes}, {"OT_ROUNDS", c.OTRounds},
	}
}

func (e Engine) constants() []constant {
	return []constant{{"SLOTS", e.Slots}, {"INTERVAL", e.Interval}, {"LATENCY", e.Latency}, {"ROUNDS", e.Rounds}, {"COUNT", e.Count}}
}

// Struct is the constants as a C++ struct of a name.
func (c Config) Struct(name string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "struct %s {\n    typedef uint%d_t word;\n", name, c.Ring)
	declare := func(indent string, constants []constant) {
		for _, v := range constants {
			fmt.Fprintf(&s, "%sstatic const int %s = %d;\n", indent, v.name, v.value)
		}
	}
	declare("    ", c.constants())
	for _, e := range []struct {
		name string
		of   Engine
	}{{"garbler", c.Garbler}, {"evaluator", c.Evaluator}} {
		fmt.Fprintf(&s, "    struct %s {\n", e.name)
		declare("        ", e.of.constants())
		s.WriteString("    };\n")
	}
	s.WriteString("};\n")
	return s.String()
}

// Header is a config.hpp of such structs.
func Header(structs ...string) string {
	return "// Constants of the kernels: word.hpp of the kernels' sources says what each is.\n#pragma once\n\n#include <cstdint>\n\n" + strings.Join(structs, "\n")
}

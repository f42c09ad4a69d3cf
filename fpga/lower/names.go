package lower

import "fmt"

var kernelNames = [Kernels]string{"conv", "depthwise", "elementwise", "pool", "garble", "evaluate", "ot", "move", "compare", "send", "recv"}

func (k Kernel) String() string {
	if k >= Kernels {
		return fmt.Sprintf("kernel %d", uint32(k))
	}
	return kernelNames[k]
}

// MarshalText writes a kernel by its name.
func (k Kernel) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// operationRow is an operation's kernel and its name, as reports and fpga/hlslib have it.
type operationRow struct {
	kernel Kernel
	name   string
}

var operations = [Operations]operationRow{
	OpConv: {Conv, "conv"}, OpDepthwise: {Depthwise, "depthwise"},
	OpAdd: {Elementwise, "add"}, OpSub: {Elementwise, "sub"}, OpMulC: {Elementwise, "mulc"}, OpAddC: {Elementwise, "addc"},
	OpIota: {Elementwise, "iota"}, OpZero: {Elementwise, "zero"}, OpShift: {Elementwise, "shift"}, OpScale: {Elementwise, "scale"},
	OpTruncChoose: {Elementwise, "trunc_choose"}, OpTruncCorrelate: {Elementwise, "trunc_correlate"},
	OpTruncReceive: {Elementwise, "trunc_receive"}, OpTruncSend: {Elementwise, "trunc_send"}, OpTruncExcess: {Elementwise, "trunc_excess"},
	OpCoarse: {Elementwise, "coarse"}, OpSign: {Elementwise, "sign"},
	OpMuxChoose: {Elementwise, "mux_choose"}, OpMuxCorrelate: {Elementwise, "mux_correlate"}, OpMuxOutput: {Elementwise, "mux_output"},
	OpArithCorrelate: {Elementwise, "arith_correlate"}, OpArithReceive: {Elementwise, "arith_receive"}, OpArithSend: {Elementwise, "arith_send"},
	OpSquareClient: {Elementwise, "square_client"}, OpSquareServer: {Elementwise, "square_server"}, OpSquareOpened: {Elementwise, "square_opened"},
	OpQuadraticBlind: {Elementwise, "quadratic_blind"}, OpQuadraticClient: {Elementwise, "quadratic_client"},
	OpQuadraticServer: {Elementwise, "quadratic_server"},
	OpRoundedShare:    {Elementwise, "rounded_share"}, OpRoundedOffer: {Elementwise, "rounded_offer"}, OpRoundedFix: {Elementwise, "rounded_fix"},
	OpRoundedTurn: {Elementwise, "rounded_turn"}, OpRoundedPad: {Elementwise, "rounded_pad"}, OpRoundedHold: {Elementwise, "rounded_hold"},
	OpRoundedCorrelate: {Elementwise, "rounded_correlate"}, OpRoundedClient: {Elementwise, "rounded_client"},
	OpRoundedServer: {Elementwise, "rounded_server"}, OpChain: {Elementwise, "chain"},
	OpSumPool:       {Pool, "sumpool"},
	OpCompareChoose: {Compare, "compare_choose"}, OpCompareTurn: {Compare, "compare_turn"}, OpCompareAnswer: {Compare, "compare_answer"},
	OpCompareSelect: {Compare, "compare_select"}, OpCompareOpen: {Compare, "compare_open"}, OpCompareJoin: {Compare, "compare_join"},
	OpProducts: {Compare, "products"},
	OpLabels:   {Garble, "labels"}, OpChoices: {Garble, "choices"}, OpTables: {Garble, "tables"}, OpEvaluate: {Evaluate, "evaluate"},
	OpExtendSend: {OT, "extend_send"}, OpExtendReceive: {OT, "extend_receive"}, OpPads: {OT, "pads"}, OpChosenPads: {OT, "chosen_pads"},
	OpMasks16: {OT, "masks16"}, OpChosen16: {OT, "chosen16"}, OpBitPads: {OT, "bit_pads"}, OpChosenBits: {OT, "chosen_bits"},
	OpCopy: {Move, "copy"}, OpCopyBits: {Move, "copy_bits"}, OpWalk: {Move, "walk"}, OpResample: {Move, "resample"}, OpIndex: {Move, "index"}, OpRanges: {Move, "ranges"},
	OpSendRing: {Send, "send_ring"}, OpSendBits: {Send, "send_bits"}, OpSendBlocks: {Send, "send_blocks"},
	OpRecvRing: {Recv, "recv_ring"}, OpRecvBits: {Recv, "recv_bits"}, OpRecvBlocks: {Recv, "recv_blocks"},
}

func (o Operation) String() string {
	if o == 0 || o >= Operations {
		return fmt.Sprintf("operation %d", uint32(o))
	}
	return operations[o].name
}

// MarshalText writes an operation by its name.
func (o Operation) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Kernel is the one that does it.
func (o Operation) Kernel() Kernel {
	if o == 0 || o >= Operations {
		return Kernels
	}
	return operations[o].kernel
}

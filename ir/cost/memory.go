package cost

// What a party's process holds at its peak, which is in one of three stages: material is made, by encryption, whose working memory is large
// and then gone; the offline program runs, and puts away what it makes; the weights are packed, and what was put away is fetched. Of
// each stage, what lives counts, and the garbage that may grow beside it. The ledger knows what making takes, a program what it puts away.

// Held is what a machine has in memory for one party's program (runtime/program gives it): bytes.
type Held struct {
	Weights        int64 // as they are read
	Packed         int64 // those of linear maps, in the order in which kernels read them
	OfflineBuffers int64 // of which the offline phase writes something
	Buffers        int64 // of which any phase does
	OfflineSlots   int64 // what is put away in the offline phase, at most at a time
	Slots          int64 // at its end
}

// memory is what a ledger knows of one party's.
type memory struct {
	made     int64 // shares and factors, which their maker keeps
	messages int64 // made with them, to be sent in the offline program
	streams  int64 // labels and tables, which share a budget with slots
	keys     int64 // of comparisons, which have one of their own
	step     int64 // of making a product
	uploads  int64 // of a chunk, whose memory stays for later layers
	again    int64 // those that later products of the same mask read again
	weights  int64 // transformed weights of whole polynomials, whose memory stays too
	sums     int64 // replies of a step while they are summed
	core     int64 // of these, what a core has at a time
	replies  int64 // of all products: they wait for the connection
}

// Bounds of what a machine keeps in memory, beyond which it uses a file (runtime/vm): what is put away and
// streams in the offline phase; those and buffers in the online phase.
const (
	ResidentStreams = 256 << 20
	ResidentOnline  = 512 << 20
)

// held is the memory in which products are made, so far: transformed weights, and the rest.
type held struct{ weights, step int64 }

// Keep records bytes that a party has from when material is made to the end.
func (l *Ledger) Keep(p Party, bytes int64) { l.memory[p].made += bytes }

// KeepStream records labels and tables of garbled circuits.
func (l *Ledger) KeepStream(p Party, bytes int64) { l.memory[p].streams += bytes }

// KeepKeys records keys of comparisons.
func (l *Ledger) KeepKeys(p Party, bytes int64) { l.memory[p].keys += bytes }

// Step records what a party takes for one step of making products and then has for the next.
func (l *Ledger) Step(p Party, bytes int64) { l.memory[p].step = max(l.memory[p].step, bytes) }

// PeakBytes is the most bytes that each party's process holds on a target, by what their programs hold.
func (l *Ledger) PeakBytes(held [2]Held, t Target) (peak [2]int64) {
	for _, p := range []Party{Client, Server} {
		peak[p] = l.memory[p].peak(held[p], t.MachineOf(p))
	}
	return peak
}

func (of memory) peak(h Held, m Machine) int64 {
	making := of.messages + of.step + of.uploads + of.again + of.weights + min(of.sums, of.core*int64(m.Cores)) + min(of.replies, outboxBytes)
	offline := h.OfflineBuffers + min(h.OfflineSlots+of.streams, ResidentStreams)
	online := h.Packed + h.Buffers + min(h.Slots+min(of.streams, ResidentStreams), max(ResidentStreams, ResidentOnline-h.Buffers))
	if of.streams > 0 {
		offline += min(relayBytes, of.streams)
		online += min(relayBytes, of.streams)
	}
	live := sessionBytes + h.Weights + of.made + min(of.keys, ResidentStreams) + max(making, offline, online)
	return int64(m.ProcessBytes.Value) + live + (live+CollectorRoom)*SessionGarbage/100
}

// SessionGarbage is how much garbage a session lets grow, in percent of what lives, and CollectorRoom what counts as living from its begin
// and is never touched (tools/sotto): its memory is large vectors without pointers, which cost a collector nothing to pass over and a
// machine twice their size to keep.
const (
	SessionGarbage = 15
	CollectorRoom  = 32 << 20
)

// Buffers of a session: what is read ahead of the connection, and the blocks and the message of a chunk of OTs each way; and what three
// pieces of garbled layers take on their way, each way (runtime/wire, runtime/vm).
const (
	sessionBytes = 512<<10 + 2*(2<<20+512<<10)
	relayBytes   = 2 * 3 * (1 << 20)
)

// polyBytes is a limb of a polynomial in memory.
const polyBytes = 8 * HEDegree

// Memory bounds of runtime/he and runtime/material: transformed weights that are held at a time, replies that wait for their layer, those
// that wait for the connection, and replies that a core sums at a time.
const (
	maxWeightBytes = 96 << 20
	maxHEReplies   = 512
	outboxBytes    = 32 << 20
	tileReplies    = 16
)

// crossingElements is how many products are made of OTs at a time (runtime/material).
const crossingElements = 1 << 13

// waits is what the client keeps of n products from set-up to the offline program: its messages, or with Ferret the choices.
func (g GilboaOT) waits(n int64, ring int) int64 {
	if g.Instance().Silent() {
		return g.ChoiceBytes(GilboaOTs(n, ring))
	}
	return GilboaBytes(n, ring)
}

// stepOfGilboa records what such products take at both parties: blocks, and the message.
func (l *Ledger) stepOfGilboa(n int64, ring int) {
	n = min(n, crossingElements)
	for _, p := range []Party{Client, Server} {
		l.Step(p, GilboaOTs(n, ring)*blockBytes+GilboaBytes(n, ring))
	}
}

// replyPolys is what a reply takes while it is summed: the encryption of zero and both its polynomials, and two sums twice as wide (runtime/he, productScratch).
const replyPolys = 3 + 2*2

// stepOf records what a product takes at the evaluator: uploads of a chunk, transformed weights, replies; and those that are summed.
func (l *Ledger) stepOf(p HEPlan, evaluator Party) {
	m := &l.memory[evaluator]
	replies, weights := p.memory()
	if p.SingleTap() {
		replies += weights
	} else {
		m.weights = max(m.weights, weights)
	}
	l.Step(evaluator, replies)
	m.replies += p.ReplyBytes()
	limbs := int64(p.Params.Limbs)
	m.uploads = max(m.uploads, int64(min(p.ChunkGroups()*p.InBlocks(), p.Uploads()))*2*limbs*polyBytes)
	reply := replyPolys * polyBytes * limbs
	m.sums = max(m.sums, int64(p.OutBlocks()*p.ChunkGroups())*reply)
	m.core = max(m.core, tileReplies*reply)
}

// memory is the bytes of the replies of a step, and those of transformed weights.
func (p HEPlan) memory() (replies, transformed int64) {
	weights := int64(p.InBlocks()) * int64(p.Params.Limbs) * polyBytes // of a block of outputs
	if p.SingleTap() {
		weights /= int64(p.Pitch)
	}
	step := min(int64(p.OutBlocks()), max(1, maxWeightBytes/max(weights, 1)), int64(max(1, maxHEReplies/p.ChunkGroups())))
	return step * int64(p.ChunkGroups()) * p.ReplySize(0), step * weights
}

package cost

// What a party holds at its peak: its process, what it makes for later and keeps until it is used, and either the most that one step of
// making products takes for itself, or what comes when that is over.

// memory is what a ledger knows of one party's.
type memory struct {
	made    int64 // there when products are made
	kept    int64 // beside it, when all is there
	streams int64 // labels and tables, which lie in a file beyond a budget
	step    int64 // of making a product
	weights int64 // transformed weights of whole polynomials, whose memory stays for later layers
	sums    int64 // replies of a step while they are summed
	core    int64 // of these, what a core has at a time
}

// ResidentStreams is how many bytes of streams a party keeps in memory (runtime/vm, DefaultResident).
const ResidentStreams = 256 << 20

// Keep records what a party has when the offline phase ends: bytes made while products are made, and others when that is over.
func (l *Ledger) Keep(p Party, made, later int64) {
	l.memory[p].made += made
	l.memory[p].kept += later
}

// KeepStream records labels and tables of garbled circuits.
func (l *Ledger) KeepStream(p Party, bytes int64) { l.memory[p].streams += bytes }

// Step records what a party takes for one step of making products and then has for the next.
func (l *Ledger) Step(p Party, bytes int64) { l.memory[p].step = max(l.memory[p].step, bytes) }

// peak is the most bytes that a party holds on a machine.
func (l *Ledger) peak(p Party, m Machine) int64 {
	of := l.memory[p]
	making := of.step + of.weights + min(of.sums, of.core*int64(m.Cores))
	later := of.kept + min(of.streams, ResidentStreams)
	if of.streams > 0 {
		later += min(relayBytes, of.streams)
	}
	live := sessionBytes + of.made + max(making, later)
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
	rest, weights := p.memory()
	if p.SingleTap() {
		rest += weights
	} else {
		m.weights = max(m.weights, weights)
	}
	l.Step(evaluator, rest+min(p.ReplyBytes(), outboxBytes))
	reply := replyPolys * polyBytes * int64(p.Params.Limbs)
	m.sums = max(m.sums, int64(p.OutBlocks()*p.ChunkGroups())*reply)
	m.core = max(m.core, tileReplies*reply)
}

// memory is the bytes of uploads and replies, and those of transformed weights.
func (p HEPlan) memory() (rest, transformed int64) {
	limbs := int64(p.Params.Limbs)
	uploads := int64(min(p.ChunkGroups()*p.InBlocks(), p.Uploads())) * 2 * limbs * polyBytes
	weights := int64(p.InBlocks()) * limbs * polyBytes // of a block of outputs
	if p.SingleTap() {
		weights /= int64(p.Pitch)
	}
	step := min(int64(p.OutBlocks()), max(1, maxWeightBytes/max(weights, 1)), int64(max(1, maxHEReplies/p.ChunkGroups())))
	return uploads + step*int64(p.ChunkGroups())*p.ReplySize(0), step * weights
}

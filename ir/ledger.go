package ir

import "sotto/ir/cost"

// Account fills a ledger with the cost of a SECURE function: every op's messages and work, tagged with its index in the
// body, and the session's base OTs and dealt seeds.
func Account(m *Module, f *Func, source cost.Source) *cost.Ledger {
	l, _ := account(m, f, source)
	return l
}

// StartTimes gives, for every value of a SECURE function, the moment from which both parties have all its arguments.
func StartTimes(m *Module, f *Func) map[*Value]cost.Time {
	_, at := account(m, f, cost.FromDealer)
	start := map[*Value]cost.Time{}
	for _, v := range f.Body {
		for _, a := range v.Args {
			start[v] = max(start[v], at[a][0], at[a][1], start[a])
		}
	}
	return start
}

func account(m *Module, f *Func, source cost.Source) (*cost.Ledger, map[*Value]cost.Ready) {
	l := cost.NewLedger(m.Deploy, source)
	l.Setup(SessionOTs(f))
	l.Seeds()
	at := map[*Value]cost.Ready{}
	for _, p := range f.Params {
		at[p] = cost.Ready{cost.OnlineStart, cost.OnlineStart}
	}
	for i, v := range f.Body {
		l.For(i)
		in := make([]cost.Ready, len(v.Args))
		for j, a := range v.Args {
			in[j] = at[a]
		}
		at[v] = costOf(l, v, in)
	}
	return l, at
}

func costOf(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	if v.Op.Cost != nil {
		return v.Op.Cost(l, v, in)
	}
	ready := cost.Ready{cost.Start, cost.Start}
	for _, r := range in {
		ready = ready.Max(r)
	}
	return ready
}

// SessionOTs counts the OT extensions a session sets up. The first of each direction serves pads; every garbled batch has
// one more with a Delta of its own, the server being the sender.
func SessionOTs(f *Func) cost.Extensions {
	var x cost.Extensions
	for _, v := range f.Body {
		switch v.Op.Name {
		case "ot.mux":
			x.Pads[cost.Client], x.Pads[cost.Server] = true, true
		case "ot.trunc":
			x.Pads[TruncReceiver(v.Args[0].Type).Other()] = true
		default:
			if g, garbled := GarblingOf(v); garbled {
				x.Garbled += len(g.Parts())
			}
		}
	}
	return x
}

package ir

import "sotto/ir/cost"

// Account fills a ledger with the cost of a SECURE function: every op's messages and work, tagged with its index in the
// body, and the session's base OTs and dealt seeds.
func Account(m *Module, f *Func, source cost.Source) *cost.Ledger {
	l, _ := account(m, f, source, SessionOTs(m, f))
	return l
}

// AccountAgain is Account for a run of a session, such as a training, in which the function was run before: the session has begun, its OT extensions go
// on, and only what the material asks of it remains of the set-up.
func AccountAgain(m *Module, f *Func, source cost.Source) *cost.Ledger {
	l := cost.NewLedger(m.Deploy, source)
	l.Again(SessionOTs(m, f))
	l.Seeds()
	if err := l.Make(cost.Extensions{}, MadeBy(m, f)); err != nil {
		Bugf("%v", err)
	}
	record(l, f)
	return l
}

// AccountAsking is Account for who knows what the ops ask for: SessionOTs of the function, with whatever extension.
func AccountAsking(asked cost.Extensions, m *Module, f *Func, source cost.Source) *cost.Ledger {
	asked.OT = m.OT
	l, _ := account(m, f, source, asked)
	return l
}

// StartTimes gives, for every value of a SECURE function, the moment from which both parties have all its arguments.
func StartTimes(m *Module, f *Func) map[*Value]cost.Time {
	_, at := account(m, f, cost.FromDealer, SessionOTs(m, f))
	start := map[*Value]cost.Time{}
	for _, v := range f.Body {
		for _, a := range v.Args {
			start[v] = max(start[v], at[a][0], at[a][1], start[a])
		}
	}
	return start
}

func account(m *Module, f *Func, source cost.Source, asked cost.Extensions) (*cost.Ledger, map[*Value]cost.Ready) {
	l := cost.NewLedger(m.Deploy, source)
	l.Begin()
	l.Setup(asked)
	l.Seeds()
	if err := l.Make(asked, MadeBy(m, f)); err != nil {
		Bugf("%v", err)
	}
	return l, record(l, f)
}

// ShapeOf gives what an op tells a ledger wherever it stands. Arguments of which known has moments have these always.
func ShapeOf(m *Module, v *Value, source cost.Source, known []*cost.Ready) (*cost.Shape, error) {
	return cost.NewShape(m.Deploy, source, known, func(l *cost.Ledger, in []cost.Ready) cost.Ready { return costOf(l, v, in) })
}

// record enters the costs of a function's ops and gives the moments from which each party has its parts.
func record(l *cost.Ledger, f *Func) map[*Value]cost.Ready {
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
	return at
}

func costOf(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	if v.Op.Cost != nil {
		return v.Op.Cost(l, v, in)
	}
	return localCost(l, v, in)
}

// SessionOTs gives the OT extensions that a session of a SECURE function sets up: what its ops ask for.
func SessionOTs(m *Module, f *Func) cost.Extensions {
	l := cost.NewLedger(m.Deploy, "")
	record(l, f)
	return l.Asked(m.OT)
}

package cost

import (
	"fmt"
	"math"
)

// Figures are numbers of a network, or what an option adds to them.
type Figures struct {
	OfflineMS    float64 `json:"offline_ms"`
	OnlineMS     float64 `json:"online_ms"`
	OfflineBytes float64 `json:"offline_bytes"` // of both parties
	OnlineBytes  float64 `json:"online_bytes"`
	OnlineRounds float64 `json:"online_rounds"`
	ReLUs        float64 `json:"relus"`
}

// Figures sums up a price.
func (p Priced) Figures() Figures {
	return Figures{p.OfflineMS, p.OnlineMS, float64(p.Offline.ClientSent + p.Offline.ServerSent),
		float64(p.Online.ClientSent + p.Online.ServerSent), float64(p.Online.Rounds), float64(p.ReLUs)}
}

// plus adds f times o.
func (a Figures) plus(f float64, o Figures) Figures {
	return Figures{a.OfflineMS + f*o.OfflineMS, a.OnlineMS + f*o.OnlineMS, a.OfflineBytes + f*o.OfflineBytes,
		a.OnlineBytes + f*o.OnlineBytes, a.OnlineRounds + f*o.OnlineRounds, a.ReLUs + f*o.ReLUs}
}

// Dot sums the figures, each as often as weights say: Figures{OnlineMS: 1} is the online time.
func (a Figures) Dot(weights Figures) float64 {
	return a.OfflineMS*weights.OfflineMS + a.OnlineMS*weights.OnlineMS + a.OfflineBytes*weights.OfflineBytes +
		a.OnlineBytes*weights.OnlineBytes + a.OnlineRounds*weights.OnlineRounds + a.ReLUs*weights.ReLUs
}

// Effects say what each option of a table adds by itself: what a gradient search descends, as PASNet does, whose loss has the sum over
// sites and options of probability times latency. Where the effects of neighbours do not simply add up, an option's is the mean over
// networks whose other options are drawn at random, and Off says how far a sum of effects is from the price.
type Effects struct {
	Mean  Figures     // of a network whose options are all equally likely
	Sites [][]Figures // by site and option: what is added to the mean; a site's add up to nothing
	// Off is the mean deviation of a random network's online and offline time from the sum of its effects, as a part of it.
	OnlineOff, OfflineOff float64
}

// Effects of a table's options, by so many random networks; draw(n) gives a number below n.
func (t *Table) Effects(networks int, draw func(n int) int) (*Effects, error) {
	if networks < 1 {
		return nil, fmt.Errorf("effects as the means of %d networks: accepted are 1 and more", networks)
	}
	e := &Effects{}
	for _, s := range t.Sites {
		e.Sites = append(e.Sites, make([]Figures, len(s.Options)))
	}
	q, options, part := t.NewQuery(), make([]int, len(t.Sites)), 1/float64(networks)
	for range networks {
		if err := e.random(q, options, draw, part); err != nil {
			return nil, err
		}
		for site := range t.Sites {
			if err := e.vary(q, options, site, part); err != nil {
				return nil, err
			}
		}
	}
	for range networks {
		t.draw(options, draw)
		p, err := q.Price(options)
		if err != nil {
			return nil, err
		}
		sum := e.sum(options)
		e.OnlineOff += part * off(sum.OnlineMS, p.OnlineMS)
		e.OfflineOff += part * off(sum.OfflineMS, p.OfflineMS)
	}
	return e, nil
}

func off(sum, price float64) float64 {
	if price == 0 {
		return math.Abs(sum)
	}
	return math.Abs(sum-price) / price
}

func (t *Table) draw(options []int, draw func(n int) int) {
	for i, s := range t.Sites {
		options[i] = draw(len(s.Options))
	}
}

// random draws a network and adds its part to the mean.
func (e *Effects) random(q *Query, options []int, draw func(n int) int, part float64) error {
	q.t.draw(options, draw)
	p, err := q.Price(options)
	e.Mean = e.Mean.plus(part, p.Figures())
	return err
}

// vary prices a network with each option of a site, and adds its part of what they differ from their mean.
func (e *Effects) vary(q *Query, options []int, site int, part float64) error {
	was, effects := options[site], e.Sites[site]
	defer func() { options[site] = was }()
	for o := range effects {
		options[site] = o
		p, err := q.Price(options)
		if err != nil {
			return err
		}
		for other := range effects {
			share := -part / float64(len(effects))
			if other == o {
				share += part
			}
			effects[other] = effects[other].plus(share, p.Figures())
		}
	}
	return nil
}

// sum adds the effects of options to the mean.
func (e *Effects) sum(options []int) Figures {
	f := e.Mean
	for site, o := range options {
		f = f.plus(1, e.Sites[site][o])
	}
	return f
}

// Expected gives the weighted sum of the figures that is expected of a network whose options have the softmax of logits for probabilities,
// and sets gradient to its derivative by each logit. It allocates nothing.
func (e *Effects) Expected(weights Figures, logits, gradient [][]float64) (float64, error) {
	if len(logits) != len(e.Sites) || len(gradient) != len(e.Sites) {
		return 0, fmt.Errorf("logits of %d sites and a gradient of %d: accepted are %d", len(logits), len(gradient), len(e.Sites))
	}
	expected := e.Mean.Dot(weights)
	for site, effects := range e.Sites {
		l, g := logits[site], gradient[site]
		if len(l) != len(effects) || len(g) != len(effects) {
			return 0, fmt.Errorf("site %d has %d logits and a gradient of %d: accepted are %d", site, len(l), len(g), len(effects))
		}
		softmax(g, l)
		mean := 0.0
		for o, p := range g {
			mean += p * effects[o].Dot(weights)
		}
		for o, p := range g { // d(sum p_i x_i)/d(l_o) = p_o (x_o - mean)
			g[o] = p * (effects[o].Dot(weights) - mean)
		}
		expected += mean
	}
	return expected, nil
}

// softmax sets p to the probabilities of logits.
func softmax(p, logits []float64) {
	most, sum := math.Inf(-1), 0.0
	for _, l := range logits {
		most = max(most, l)
	}
	for i, l := range logits {
		p[i] = math.Exp(l - most)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
}

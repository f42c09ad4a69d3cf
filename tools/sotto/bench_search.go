package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"sotto/tools/sotto/estimates"
)

// searchReport is what bench search prints.
type searchReport struct {
	head
	Space   string           `json:"space"`
	Against string           `json:"against,omitempty"`
	Data    string           `json:"data"`
	Seeds   int              `json:"seeds"`
	Rows    []searchRow      `json:"rows"`
	Trial   map[int][]*trial `json:"trials"`          // by seed
	Other   map[int]*trial   `json:"other,omitempty"` // the network of --against, by seed
	// Pairs are pairs of networks of one seed, of a macro space; Alike those of them that are better and worse with the weights that networks share as
	// they are after their own training.
	Pairs int `json:"pairs,omitempty"`
	Alike int `json:"alike,omitempty"`
}

// searchRow is what the searches for one network, such as one weight of the price, found over all seeds. Accuracies are of the test split, in percent.
type searchRow struct {
	Name     string         `json:"name"`
	Weight   float64        `json:"weight"` // 0 where the method has none
	ReLUs    estimates.Mean `json:"relus"`
	Latency  estimates.Mean `json:"latency_ms"`
	Accuracy estimates.Mean `json:"accuracy"`
	// Random is the mean of the networks drawn at random of the same price, Gain what is found is better by, seed by seed; Loss is how far it is
	// below the network with the first options everywhere, or with all its ReLUs.
	Random  estimates.Mean `json:"random"`
	OffMS   estimates.Mean `json:"random_latency_ms"`
	Gain    estimates.Mean `json:"gain"`
	Loss    estimates.Mean `json:"loss"`
	Holding int            `json:"holding"` // of the seeds, those whose network holds the limits
	// Against is what the network of --against reached, Ahead what is found is better by, seed by seed.
	Against      estimates.Mean `json:"against"`
	AgainstReLUs estimates.Mean `json:"against_relus"`
	Ahead        estimates.Mean `json:"ahead"`
}

func newBenchSearchCmd(a *app) *cobra.Command {
	var f searchFlags
	var seeds int
	var against string
	c := &cobra.Command{
		Use: "search SPACE", Short: "hold what a search finds against networks of the same price drawn at random", Args: cobra.ExactArgs(1),
		Long: "Search runs sotto search with several seeds, and with each trains what was found, as many networks drawn at random of the same price as --random\n" +
			"says, alike and from the same weights, and the network with the first options from those before the search, by as many steps more as the search took.\n" +
			"With --against it trains another network too, as wide as the limits allow. It prints, for each weight of the price, accuracy on\n" +
			"the test split and the mean difference with its 95 % interval over the seeds, by Student's distribution. Interrupted, it goes on where it was.\n" +
			"With the method linearize it prints this for each granularity and number of a budget, beside the network with all its ReLUs; --random 0 draws none.",
		Example: "  sotto bench search examples/glyphs_space.sotto --set width=8 --weight 0.02,0.08,0.14 --target lan -o searches\n" +
			"  sotto bench search examples/glyphs_macro.sotto --data glyphs:2000 --method budget --budget relus=5000 --against examples/glyphs_plain.sotto -o macros",
		RunE: func(cmd *cobra.Command, args []string) error {
			if seeds < 2 {
				return usagef("%d seeds: accepted are 2 and more, for an interval", seeds)
			}
			if f.output == "" {
				return usagef("-o is missing: accepted is the folder to write")
			}
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			r, err := a.benchSearch(ctx, args[0], against, &f, seeds, cmd)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	f.add(c)
	c.Flags().Lookup("random").DefValue = "3"
	f.random = 3
	c.Flags().IntVar(&seeds, "seeds", 5, "how many seeds, from --seed on")
	c.Flags().StringVar(&against, "against", "", "also train the network of this `file`, its width by the limits, as what is found is trained")
	return c
}

// benchSearch searches with every seed.
func (a *app) benchSearch(ctx context.Context, path, against string, f *searchFlags, seeds int, cmd *cobra.Command) (*searchReport, error) {
	n, err := a.loadSpace(path, f.network)
	if err != nil {
		return nil, err
	}
	goal, err := f.goal(n, cmd)
	if err != nil {
		return nil, err
	}
	if f.random < 1 && f.settings.Method != "linearize" {
		return nil, usagef("--random %d: accepted are 1 and more networks to compare with", f.random)
	}
	var other *network
	if against != "" {
		if other, err = a.loadSpace(against, networkFlags{}); err != nil {
			return nil, err
		}
	}
	r := &searchReport{head: version1, Space: path, Against: against, Data: goal.Data, Seeds: seeds, Trial: map[int][]*trial{}, Other: map[int]*trial{}}
	for i := range seeds {
		seed := f.settings.Seed + uint64(i)
		one := *f
		one.settings.Seed, one.resume = seed, true
		one.output = filepath.Join(f.output, fmt.Sprintf("seed-%d", seed))
		a.progress.step("seed %d, %d of %d", seed, i+1, seeds)
		found, err := a.searchFor(ctx, n, goal, &one)
		if err != nil {
			return nil, fmt.Errorf("seed %d: %w", seed, err)
		}
		r.Trial[int(seed)] = found.Trials
		r.rank(found.Trials)
		if other == nil {
			continue
		}
		one.settings.Method, one.output = "width", filepath.Join(one.output, "against")
		if found, err = a.searchFor(ctx, other, goal, &one); err != nil {
			return nil, fmt.Errorf("seed %d: %s: %w", seed, against, err)
		}
		r.Other[int(seed)] = found.Trials[0]
	}
	for _, t := range r.Trial[int(f.settings.Seed)] {
		if !t.Baseline && !t.Random {
			r.Rows = append(r.Rows, r.row(t))
		}
	}
	return r, writeJSON(filepath.Join(f.output, "bench.json"), r)
}

// rank compares the order of a seed's networks with shared weights with that after their training.
func (r *searchReport) rank(trials []*trial) {
	for i, t := range trials {
		for _, o := range trials[:i] {
			if t.Shared == nil || o.Shared == nil {
				continue
			}
			r.Pairs++
			if (t.Shared.Accuracy-o.Shared.Accuracy)*(t.Test.Accuracy-o.Test.Accuracy) > 0 {
				r.Alike++
			}
		}
	}
}

// row sums up what is found under the name that one seed's network has.
func (r *searchReport) row(of *trial) searchRow {
	row := searchRow{Name: of.Name, Weight: of.Weight}
	over := map[*estimates.Mean][]float64{} // the seeds' values
	add := func(m *estimates.Mean, v float64) { over[m] = append(over[m], v) }
	for _, seed := range slices.Sorted(maps.Keys(r.Trial)) {
		var found, baseline *trial
		var drawn, drawnMS, count float64
		for _, t := range r.Trial[seed] {
			switch {
			case t.Baseline:
				baseline = t
			case t.Name == of.Name:
				found = t
			case t.Random && t.like(of):
				drawn, drawnMS, count = drawn+t.percent(), drawnMS+t.latency(), count+1
			}
		}
		if found.Holds {
			row.Holding++
		}
		add(&row.Latency, found.latency())
		add(&row.ReLUs, found.Measures["relus"])
		add(&row.Accuracy, found.percent())
		if count > 0 {
			add(&row.Random, drawn/count)
			add(&row.OffMS, drawnMS/count)
			add(&row.Gain, found.percent()-drawn/count)
		}
		if baseline != nil {
			add(&row.Loss, baseline.percent()-found.percent())
		}
		if o := r.Other[seed]; o != nil {
			add(&row.Against, o.percent())
			add(&row.AgainstReLUs, o.Measures["relus"])
			add(&row.Ahead, found.percent()-o.percent())
		}
	}
	for m, values := range over {
		*m = estimates.MeanOf(values)
	}
	return row
}

// like tells whether a drawn network was drawn for one that was found.
func (t *trial) like(found *trial) bool { return strings.HasPrefix(t.Name, found.Name+"-random-") }

// percent is a network's accuracy on the test split.
func (t *trial) percent() float64 { return 100 * t.Test.Accuracy }

// latency is the figure that the networks of one weight are alike in.
func (t *trial) latency() float64 { return t.Measures[t.Price] }

func (r *searchReport) text(w io.Writer) {
	titles := "network >ReLUs >ms >accuracy,_%"
	drawn := slices.ContainsFunc(r.Rows, func(x searchRow) bool { return x.Random != estimates.Mean{} })
	if drawn {
		titles += " >ms,_random >accuracy,_random >better_by,_points"
	}
	if r.Against != "" {
		titles += " >ReLUs,_against >accuracy,_against >better_by,_points"
	} else {
		titles += " >below_baseline,_points"
	}
	var rows [][]string
	for _, x := range r.Rows {
		row := []string{x.Name, fmt.Sprintf("%.0f", x.ReLUs.Mean), fmt.Sprintf("%.2f", x.Latency.Mean), spread(x.Accuracy)}
		if drawn {
			row = append(row, fmt.Sprintf("%.2f", x.OffMS.Mean), fmt.Sprintf("%.2f %%", x.Random.Mean), spread(x.Gain))
		}
		if r.Against != "" {
			row = append(row, fmt.Sprintf("%.0f", x.AgainstReLUs.Mean), fmt.Sprintf("%.2f %%", x.Against.Mean), spread(x.Ahead))
		} else {
			row = append(row, spread(x.Loss))
		}
		rows = append(rows, row)
	}
	table(w, titles, rows)
	fmt.Fprintln(w)
	pairs(w, "space", r.Space, "data", r.Data, "seeds", fmt.Sprint(r.Seeds))
	if r.Pairs > 0 {
		pairs(w, "ranked by shared weights as by training", fmt.Sprintf("%d of %d pairs of networks", r.Alike, r.Pairs))
	}
}

func spread(m estimates.Mean) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", m.Mean, m.Low, m.High)
}

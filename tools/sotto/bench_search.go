package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"sotto/tools/sotto/estimates"
)

// searchReport is what bench search prints.
type searchReport struct {
	head
	Space string           `json:"space"`
	Data  string           `json:"data"`
	Seeds int              `json:"seeds"`
	Rows  []searchRow      `json:"rows"`
	Trial map[int][]*trial `json:"trials"` // by seed
}

// searchRow is what the searches of one weight of the price found, over all seeds. Accuracies are of the test split, in percent.
type searchRow struct {
	Weight   float64        `json:"weight"`
	Latency  estimates.Mean `json:"latency_ms"`
	Accuracy estimates.Mean `json:"accuracy"`
	// Random is the mean of the networks drawn at random of the same price, Gain what is found is better by, seed by seed; Loss is how far it is
	// below the network with the first options everywhere.
	Random  estimates.Mean `json:"random"`
	OffMS   estimates.Mean `json:"random_latency_ms"`
	Gain    estimates.Mean `json:"gain"`
	Loss    estimates.Mean `json:"loss"`
	Holding int            `json:"holding"` // of the seeds, those whose network holds the limits
}

func newBenchSearchCmd(a *app) *cobra.Command {
	var f searchFlags
	var seeds int
	c := &cobra.Command{
		Use: "search SPACE", Short: "hold what a search finds against networks of the same price drawn at random", Args: cobra.ExactArgs(1),
		Long: "Search runs sotto search with several seeds, and with each trains what was found, as many networks drawn at random of the same price as --random\n" +
			"says, alike and from the same weights, and the network with the first options from those before the search. It prints, for each weight of the price, accuracy on\n" +
			"the test split and the mean difference with its 95 % interval over the seeds, by Student's distribution. Interrupted, it goes on where it was.",
		Example: "  sotto bench search examples/glyphs_space.sotto --weight 0.003,0.01,0.03 --target lan --pretrain 5 --epochs 5 --finetune 5 -o searches",
		RunE: func(cmd *cobra.Command, args []string) error {
			if seeds < 1 || f.random < 1 {
				return usagef("%d seeds, %d random networks: accepted are 1 and more", seeds, f.random)
			}
			if f.output == "" {
				return usagef("-o is missing: accepted is the folder to write")
			}
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			r, err := a.benchSearch(ctx, args[0], &f, seeds, cmd)
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
	return c
}

// benchSearch searches with every seed.
func (a *app) benchSearch(ctx context.Context, path string, f *searchFlags, seeds int, cmd *cobra.Command) (*searchReport, error) {
	r := &searchReport{head: version1, Space: path, Seeds: seeds, Trial: map[int][]*trial{}}
	folder, first := f.output, f.settings.Seed
	f.resume = true
	for i := range seeds {
		f.settings.Seed = first + uint64(i)
		f.output = filepath.Join(folder, fmt.Sprintf("seed-%d", f.settings.Seed))
		a.progress.step("seed %d, %d of %d", f.settings.Seed, i+1, seeds)
		found, err := a.search(ctx, path, f, cmd)
		if err != nil {
			return nil, fmt.Errorf("seed %d: %w", f.settings.Seed, err)
		}
		r.Data = found.Data
		r.Trial[int(f.settings.Seed)] = found.Trials
	}
	for _, weight := range f.weights {
		r.Rows = append(r.Rows, r.row(weight))
	}
	return r, writeJSON(filepath.Join(folder, "bench.json"), r)
}

// row sums up one weight.
func (r *searchReport) row(weight float64) searchRow {
	var latency, accuracy, random, off, gain, loss []float64
	row := searchRow{Weight: weight}
	for _, trials := range r.Trial {
		var found, drawn, drawnMS, baseline, count float64
		var ms float64
		for _, t := range trials {
			percent := 100 * t.Test.Accuracy
			switch {
			case t.Baseline:
				baseline = percent
			case t.Weight != weight:
			case t.Random:
				drawn, drawnMS, count = drawn+percent, drawnMS+t.latency(), count+1
			default:
				found, ms = percent, t.latency()
				if t.Holds {
					row.Holding++
				}
			}
		}
		latency, accuracy, random, off = append(latency, ms), append(accuracy, found), append(random, drawn/count), append(off, drawnMS/count)
		gain, loss = append(gain, found-drawn/count), append(loss, baseline-found)
	}
	row.Latency, row.Accuracy, row.Random = estimates.MeanOf(latency), estimates.MeanOf(accuracy), estimates.MeanOf(random)
	row.OffMS, row.Gain, row.Loss = estimates.MeanOf(off), estimates.MeanOf(gain), estimates.MeanOf(loss)
	return row
}

// latency is the figure that the networks of one weight are alike in.
func (t *trial) latency() float64 { return t.Measures[t.Price] }

func (r *searchReport) text(w io.Writer) {
	var rows [][]string
	for _, x := range r.Rows {
		rows = append(rows, []string{fmt.Sprint(x.Weight), fmt.Sprintf("%.2f", x.Latency.Mean), fmt.Sprintf("%.2f %%", x.Accuracy.Mean), fmt.Sprintf("%.2f", x.OffMS.Mean),
			fmt.Sprintf("%.2f %%", x.Random.Mean), spread(x.Gain), spread(x.Loss)})
	}
	table(w, ">weight >ms >accuracy >ms,_random >accuracy,_random >better_by,_points >below_first_options,_points", rows)
	fmt.Fprintln(w)
	pairs(w, "space", r.Space, "data", r.Data, "seeds", fmt.Sprint(r.Seeds))
}

func spread(m estimates.Mean) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", m.Mean, m.Low, m.High)
}

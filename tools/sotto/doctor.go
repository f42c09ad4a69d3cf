package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/runtime/he/ntt"
	"sotto/runtime/kernel"
	"sotto/runtime/prg"
	"sotto/tools/sotto/clang"
)

// doctorResult is what this machine has, and what it gives.
type doctorResult struct {
	head
	Machine   machine  `json:"machine"`
	Memory    int64    `json:"memory_bytes"`     // 0 where the system does not say
	Available int64    `json:"memory_available"` // for processes, now
	Temporary string   `json:"temporary"`        // where material waits that memory has no room for
	Free      int64    `json:"temporary_free"`   // bytes
	Parts     []part   `json:"parts"`            // what is faster or slower by what is there
	Targets   []string `json:"targets"`          // shipped price lists
}

// part is something that this machine has in some form.
type part struct {
	Name  string `json:"name"`
	Has   string `json:"has"`
	Gives string `json:"gives"`
	Lacks string `json:"lacks,omitempty"` // what would be better, and how to get it
}

func newDoctorCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "say what this machine has and what it gives", Args: cobra.NoArgs,
		Long: "Doctor looks at the processor, the memory, the temporary directory and the compiler, and says what each gives and what would give\n" +
			"more. Nothing that is missing keeps sotto from running. What things cost here in numbers, `sotto calibrate` measures.",
		Example: "  sotto doctor\n  sotto doctor --json",
		RunE: func(*cobra.Command, []string) error {
			r, err := examine()
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
}

func examine() (*doctorResult, error) {
	r := &doctorResult{head: version1, Machine: thisMachine(), Temporary: os.TempDir(), Targets: targetNames()}
	r.Memory, r.Available = memoryBytes()
	var err error
	if r.Free, err = freeBytes(r.Temporary); err != nil {
		return nil, fmt.Errorf("the temporary directory %s, where material waits that memory has no room for: %w", r.Temporary, err)
	}
	r.Parts = []part{cores(), hashing(), linear(), encryption(), compiler()}
	r.Parts = append(r.Parts, others()...)
	return r, nil
}

func cores() part {
	p := part{Name: "cores", Has: fmt.Sprint(runtime.GOMAXPROCS(0)), Gives: "linear maps, OTs and encryption use all of them"}
	if runtime.GOMAXPROCS(0) == 1 {
		p.Lacks = "two parties on this machine take turns on one core"
	}
	return p
}

func hashing() part {
	paths := prg.Paths()
	p := part{Name: "AES", Has: paths[len(paths)-1].String(), Gives: "garbling, OTs, masks"}
	if len(paths) == 1 {
		p.Lacks = "a processor with AES-NI and AVX garbles many times faster"
	} else if paths[len(paths)-1] != prg.VAES512 {
		p.Lacks = "one with VAES and AVX-512 garbles about twice as fast"
	}
	return p
}

func linear() part {
	return part{Name: "vectors", Has: kernel.Path(), Gives: "convolutions and matrix products over rings", Lacks: lackOf(kernel.Path(), "AVX-512")}
}

func encryption() part {
	return part{Name: "polynomials", Has: ntt.Path(), Gives: "homomorphic products: material that the two parties make alone", Lacks: lackOf(ntt.Path(), "AVX-512 IFMA")}
}

func lackOf(has, best string) string {
	if has == best {
		return ""
	}
	return "a processor with " + best + " computes them faster"
}

func compiler() part {
	p := part{Name: "clang", Gives: "native kernels: compile --native, run --native"}
	c, err := clang.Find()
	if err != nil {
		p.Has, p.Lacks = "none", err.Error()
		return p
	}
	p.Has = fmt.Sprintf("%s, for %s", c.Version(), c.Target.Name)
	return p
}

// others are programs that sotto does without: what each of them would give.
func others() []part {
	python := cmp.Or(os.Getenv("SOTTO_PYTHON"), "python3")
	return []part{
		software("g++", "the C-simulation in the folder that `sotto fpga` writes", "g++", "--version"),
		software("verilator", "the tests that simulate fpga/rtl", "verilator", "--version"),
		software("yosys", "the tests that synthesise fpga/rtl", "yosys", "-V"),
		software("torch", "training on a GPU: runs the programs that `sotto torch` writes; SOTTO_PYTHON names another Python", python, "-c",
			"import torch; print(torch.__version__, 'with a GPU' if torch.cuda.is_available() else 'without a GPU')"),
		software("chromium", "the tests of pages that sotto serves; any browser shows them", "chromium", "--version"),
	}
}

// versionPatience is how long a program may take to say its version.
const versionPatience = 20 * time.Second

// software asks a program for its version.
func software(name, gives, command string, args ...string) part {
	p := part{Name: name, Has: "none", Gives: gives}
	ctx, cancel := context.WithTimeout(context.Background(), versionPatience)
	defer cancel()
	if _, err := exec.LookPath(command); err != nil {
		p.Lacks = command + " is not on the PATH"
		return p
	}
	out, err := exec.CommandContext(ctx, command, args...).Output()
	if err != nil {
		p.Lacks = fmt.Sprintf("%s does not run it: %v", command, err)
		return p
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	p.Has = first
	return p
}

func (r *doctorResult) text(w io.Writer) {
	pairs(w, "machine", r.Machine.text(), "memory", fmt.Sprintf("%s, %s of it available", size(r.Memory), size(r.Available)),
		"temporary directory", fmt.Sprintf("%s, %s free", r.Temporary, size(r.Free)))
	fmt.Fprintln(w)
	var rows [][]string
	for _, p := range r.Parts {
		rows = append(rows, []string{p.Name, p.Has, p.Gives, p.Lacks})
	}
	table(w, "what has for better", rows)
}

package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sotto/ir/cost"
	"sotto/passes/choices"
)

// words are what a shell offers for flags that take one of a few, by the flag's name.
var words = map[string][]string{
	"offline": {string(cost.FromHE), string(cost.FromDealer)},
	"deploy":  {string(cost.ClientServer), string(cost.Outsourced)},
	"link":    {"loopback", "lan", "wan", "pasnet"},
	"ring":    {"32", "64"},
}

// endings are the endings of files that a shell offers for flags that name one.
var endings = map[string][]string{
	"input": {"png", "jpg", "jpeg", "npy"}, "weights": {"safetensors"}, "decision": {"json"}, "gates": {"safetensors"}, "trace": {"json"},
}

// complete has the shell offer what flags and arguments take: see `sotto completion --help`.
func (a *app) complete(c *cobra.Command) {
	for _, sub := range c.Commands() {
		a.complete(sub)
	}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Name == "target":
			c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(targetNames(), cobra.ShellCompDirectiveDefault))
		case f.Name == "set":
			c.RegisterFlagCompletionFunc(f.Name, a.completeSet)
		case words[f.Name] != nil:
			c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(words[f.Name], cobra.ShellCompDirectiveNoFileComp))
		case endings[f.Name] != nil:
			c.MarkFlagFilename(f.Name, endings[f.Name]...)
		}
	})
	if c.ValidArgsFunction == nil && strings.Contains(c.Use, "FILE") {
		c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"sotto", "ir"}, cobra.ShellCompDirectiveFilterFileExt
		}
	}
}

// completeSet offers NAME=OPTION for the choices and sites of the file that the command names already.
func (a *app) completeSet(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	n, err := a.load(args[0], networkFlags{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	add := func(name, option string) {
		if s := name + "=" + option; strings.HasPrefix(s, typed) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, s := range choices.Sites(n.fn()) {
		for _, o := range s.Options {
			add(s.Choice, o)
			if strings.ContainsAny(typed, ".#") { // a network has hundreds
				add(s.Path, o)
			}
		}
	}
	for _, p := range n.params {
		for _, v := range p.Values {
			add(p.Name, v)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

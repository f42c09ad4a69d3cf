package main

import (
	"github.com/spf13/cobra"

	"sotto/tools/sotto/lsp"
)

func newLSPCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "lsp", Short: "serve an editor: errors, shapes and costs, definitions, formatting", Args: cobra.NoArgs,
		Long: "Lsp speaks the Language Server Protocol on its standard streams until the editor ends it: every error of the open .sotto files\n" +
			"as they are typed, the shape and cost of what is under the cursor, go to definition, the outline, and sotto fmt's layout.\n" +
			"tools/editor says how to have it started by VS Code, Neovim and Helix.",
		Example: "  sotto lsp",
		RunE:    func(*cobra.Command, []string) error { return lsp.Serve(a.in, a.out) },
	}
}

package syntax

import (
	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The grammar, as participle reads it from the tags. Each production is one struct, which tree.go turns into a node of
// the tree. Expressions are parsed by precedence climbing (expr.go). Sep is a ; or a line break that ends a statement;
// the layout (lex.go) has dropped all others, and those next to braces.
type (
	span struct{ Tokens []lexer.Token }

	declRule struct {
		Net    *netRule    `parser:"  @@"`
		Block  *blockRule  `parser:"| @@"`
		Choice *choiceRule `parser:"| @@"`
		Target *targetRule `parser:"| @@"`
		Search *searchRule `parser:"| @@"`
	}

	netRule struct {
		span
		Name identRule `parser:"'net' @@"`
		Body bodyRule  `parser:"@@"`
	}

	blockRule struct {
		span
		Name   identRule   `parser:"'block' @@ '('"`
		Params []paramRule `parser:"( @@ ( ',' @@ )* )? ','? ')'"`
		Body   bodyRule    `parser:"@@"`
	}

	choiceRule struct {
		span
		Shared  bool        `parser:"@'shared'? 'choice'"`
		Name    identRule   `parser:"@@ '('"`
		Params  []paramRule `parser:"( @@ ( ',' @@ )* )? ','? ')'"`
		Options []exprRule  `parser:"'=' @@ ( '|' @@ )*"`
	}

	targetRule struct {
		span
		Name   identRule `parser:"'target' @@ '='"`
		Device exprRule  `parser:"@@"`
		Count  *exprRule `parser:"( 'x' @@ )?"`
		Link   *linkRule `parser:"@@?"`
	}

	linkRule struct {
		span
		Args []linkArgRule `parser:"'link' '(' @@ ( ',' @@ )* ','? ')'"`
	}

	linkArgRule struct {
		span
		Value     exprRule `parser:"@@"`
		Direction []string `parser:"@Ident*"`
	}

	searchRule struct {
		span
		Name     identRule     `parser:"'search' @@"`
		Net      identRule     `parser:"'in' @@"`
		Settings []settingRule `parser:"'{' ( @@ ( Sep @@ )* )? '}'"`
	}

	settingRule struct {
		span
		Data     *exprRule   `parser:"  'data' @@"`
		Method   *methodRule `parser:"| 'method' @@"`
		Minimize *exprRule   `parser:"| 'minimize' @@"`
		Maximize *exprRule   `parser:"| 'maximize' @@"`
		Subject  []exprRule  `parser:"| 'subject' 'to' @@ ( ',' @@ )*"`
	}

	methodRule struct {
		Name   identRule   `parser:"@@"`
		Fields *recordRule `parser:"@@?"`
	}

	identRule struct {
		span
		Name string `parser:"@Ident"`
	}

	paramRule struct {
		span
		Name    identRule `parser:"@@"`
		Default *exprRule `parser:"( '=' @@ )?"`
	}

	bodyRule struct {
		span
		Stmts []stmtRule `parser:"'{' ( @@ ( Sep @@ )* )? '}'"`
	}

	stmtRule struct {
		span
		Let    *letRule    `parser:"  'let' @@"`
		For    *forRule    `parser:"| 'for' @@"`
		If     *ifRule     `parser:"| 'if' @@"`
		Return *exprRule   `parser:"| 'return' @@"`
		Input  *inputRule  `parser:"| 'input' @@"`
		Output *outputRule `parser:"| 'output' @@"`
		Assign *assignRule `parser:"| @@"`
	}

	assignRule struct {
		Name  identRule `parser:"@@"`
		Value exprRule  `parser:"'=' @@"`
	}

	letRule struct {
		Name   identRule  `parser:"@@"`
		Dims   []exprRule `parser:"( '[' @@ ']' )*"`
		Value  *exprRule  `parser:"( '=' @@"`
		Values []exprRule `parser:"| 'in' '{' @@ ( ',' @@ )* ','? '}' )"`
	}

	forRule struct {
		Vars []identRule `parser:"@@ ( ',' @@ )*"`
		In   exprRule    `parser:"'in' @@"`
		Body bodyRule    `parser:"@@"`
	}

	ifRule struct {
		Arms []armRule `parser:"@@ ( 'else' 'if' @@ )*"`
		Else *bodyRule `parser:"( 'else' @@ )?"`
	}

	armRule struct {
		span
		Cond exprRule `parser:"@@"`
		Body bodyRule `parser:"@@"`
	}

	inputRule struct {
		Name   identRule   `parser:"@@ ':'"`
		Type   typeRule    `parser:"@@"`
		From   identRule   `parser:"'from' @@"`
		Fields *recordRule `parser:"@@?"`
	}

	typeRule struct {
		span
		Elem identRule  `parser:"@@"`
		Dims []exprRule `parser:"'[' ( @@ ( ',' @@ )* )? ','? ']'"`
	}

	recordRule struct {
		Fields []fieldRule `parser:"'{' ( @@ ( ( ',' | Sep ) @@ )* )? ','? '}'"`
	}

	fieldRule struct {
		span
		Name  identRule `parser:"@@"`
		Value exprRule  `parser:"'=' @@"`
	}

	outputRule struct {
		Name  identRule `parser:"@@"`
		Value exprRule  `parser:"'=' @@"`
		To    identRule `parser:"'to' @@"`
	}

	exprRule struct {
		X Expr `parser:"@@"`
	}
)

// grammar looks one token ahead: else if against else {, and a trailing comma against a further element.
var grammar = participle.MustBuild[declRule](participle.Lexer(lexicon), participle.ParseTypeWith(parseExpr))

// statement and setting parse one line of a body on its own. Where the grammar only says that the body might have ended,
// they say what is wrong with the line.
var (
	statement = participle.MustBuild[stmtRule](participle.Lexer(lexicon), participle.ParseTypeWith(parseExpr))
	setting   = participle.MustBuild[settingRule](participle.Lexer(lexicon), participle.ParseTypeWith(parseExpr))
)

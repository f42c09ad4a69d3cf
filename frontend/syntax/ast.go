// Package syntax holds the concrete side of the Sotto language: its grammar, its syntax tree and its one formatter.
//
// Parse turns a .sotto file into a *File and reports every independent syntax error it can find; Format prints a tree
// in the one accepted layout and keeps the comments. What the names and numbers mean is package frontend's business.
package syntax

import "sotto/ir/pos"

// Node is the place of a piece of syntax. Every node of the tree embeds one.
type Node struct {
	Pos    pos.Pos // first byte
	Offset int     // of the first byte in the file
	Len    int     // bytes to the end of the last token, for carets
	Last   int     // line of the last token
}

// At gives the place itself; it lets functions take any node.
func (n Node) At() Node { return n }

// Errorf makes a diagnostic that underlines n.
func (n Node) Errorf(format string, args ...any) *pos.Diagnostic {
	return pos.Errorf(n.Pos, format, args...).Span(n.Len)
}

// to gives the place from the start of n to the end of m, which does not begin before n.
func (n Node) to(m Node) Node {
	return Node{n.Pos, n.Offset, m.Offset + m.Len - n.Offset, m.Last}
}

// Placed is anything with a place: declarations, statements, expressions and their parts.
type Placed interface{ At() Node }

// Ident is a name as written.
type Ident struct {
	Node
	Name string
}

// Comment is one # comment without its line break.
type Comment struct {
	Node
	Text string // from # on, trailing blanks removed
}

// File is one parsed source file.
type File struct {
	Name     string
	Decls    []Decl
	Comments []Comment // in source order
}

// Decl is a top-level declaration: *Net, *Block, *Choice, *Target or *Search.
type Decl interface {
	Placed
	decl()
	// DeclName is the name that is declared.
	DeclName() Ident
}

// Body is a brace-enclosed list of statements; its place runs from brace to brace.
type Body struct {
	Node
	Stmts []Stmt
}

// Param is a parameter of a block or choice; Default may be nil.
type Param struct {
	Node
	Name    Ident
	Default Expr
}

// Net is `net NAME { ... }`, a whole network or space of networks.
type Net struct {
	Node
	Name Ident
	Body Body
}

// Block is `block NAME(params) { ... return e }`, a reusable piece of network.
type Block struct {
	Node
	Name   Ident
	Params []Param
	Body   Body
}

// Choice is `[shared] choice NAME(params) = option | option`. Every use decides for itself unless Shared.
type Choice struct {
	Node
	Shared  bool
	Name    Ident
	Params  []Param
	Options []Expr
}

// Target is `target NAME = device [x COUNT] [link(...)]`.
type Target struct {
	Node
	Name   Ident
	Device Expr
	Count  Expr // nil: one device
	Link   *Link
}

// Link is the `link(...)` part of a target.
type Link struct {
	Node
	Args []LinkArg
}

// LinkArg is one property of a link, with the words after it ("one way") or "".
type LinkArg struct {
	Node
	Value     Expr
	Direction string
}

// Search is `search NAME in NET { settings }`.
type Search struct {
	Node
	Name     Ident
	Net      Ident
	Settings []Setting
}

// Setting is one line of a search: *Data, *Method, *Objective or *Constraints.
type Setting interface {
	Placed
	setting()
}

// Data is `data EXPR`: what to train and evaluate on.
type Data struct {
	Node
	Value Expr
}

// Method is `method NAME { settings }`.
type Method struct {
	Node
	Name   Ident
	Fields []Field
}

// Sense says which way an objective goes.
type Sense string

// The senses, as written in the source.
const (
	Minimize Sense = "minimize"
	Maximize Sense = "maximize"
)

// Objective is `minimize EXPR` or `maximize EXPR`.
type Objective struct {
	Node
	Sense Sense
	Value Expr
}

// Constraints is `subject to EXPR, EXPR, ...`.
type Constraints struct {
	Node
	Exprs []Expr
}

// Field is one `name = value` of a brace-enclosed record.
type Field struct {
	Node
	Name  Ident
	Value Expr
}

// Stmt is a statement: *Assign, *Let, *Vary, *For, *If, *Return, *Input or *Output.
type Stmt interface {
	Placed
	stmt()
}

// Assign is `NAME = EXPR`.
type Assign struct {
	Node
	Name  Ident
	Value Expr
}

// Let is `let NAME = EXPR`: a name that is not assigned again.
type Let struct {
	Node
	Name  Ident
	Value Expr
}

// Vary is `let NAME[dims] in {values}`: a parameter of the space, one net per assignment, the first value by default.
type Vary struct {
	Node
	Name   Ident
	Dims   []Expr // none: a scalar
	Values []Expr
}

// For is `for NAME, ... in EXPR { ... }`. Several names take apart the elements of a list of lists.
type For struct {
	Node
	Vars []Ident
	In   Expr
	Body Body
}

// If is the statement `if c { ... } else if d { ... } else { ... }`; Else is nil where there is none.
type If struct {
	Node
	Arms []Arm
	Else *Body
}

// Arm is one condition of an If and what it guards.
type Arm struct {
	Node
	Cond Expr
	Body Body
}

// Return is `return EXPR`, the last statement of a block.
type Return struct {
	Node
	Value Expr
}

// Input is `input NAME: ELEM[dims] from PARTY { fields }`.
type Input struct {
	Node
	Name   Ident
	Type   Type
	From   Ident
	Fields []Field // preprocessing, as training did it
}

// Type is an element type and a shape, without the batch.
type Type struct {
	Node
	Elem Ident
	Dims []Expr
}

// Output is `output NAME = EXPR to PARTY`.
type Output struct {
	Node
	Name  Ident
	Value Expr
	To    Ident
}

// Expr is an expression: *Name, *Number, *Bool, *Str, *List, *Comp, *IfExpr, *Call, *Pipe, *Index, *Unary or *Binary.
type Expr interface {
	Placed
	expr()
}

// Name is a use of a name.
type Name struct {
	Node
	Name string
}

// Number is a literal with an optional unit.
type Number struct {
	Node
	Text string // digits as written, without the unit
	Unit string // "ms", "K", ... or ""
}

// Bool is `true` or `false`.
type Bool struct {
	Node
	Value bool
}

// Str is a string literal; `{expr}` inside is replaced by its value, `{{` and `}}` are braces.
type Str struct {
	Node
	Parts []StrPart
}

// StrPart is literal text (X nil) or an interpolated expression.
type StrPart struct {
	Text string
	X    Expr
}

// List is `[a, b, c]`.
type List struct {
	Node
	Elems []Expr
}

// Comp is `[elem for NAME, ... in list if cond]`; Cond may be nil.
type Comp struct {
	Node
	Elem Expr
	Vars []Ident
	In   Expr
	Cond Expr
}

// IfExpr is `if c { a } else if d { b } else { e }`, an expression: there is always an else.
type IfExpr struct {
	Node
	Arms []ExprArm
	Else Expr
}

// ExprArm is one condition of an IfExpr and its value.
type ExprArm struct {
	Cond, Value Expr
}

// Call is `fn(args) as LABEL`; Label may be nil.
type Call struct {
	Node
	Fn    Ident
	Args  []Arg
	Label *Str // a plain name is kept as its text
}

// Arg is one argument. Positional: Name is nil. Shorthand: `stride` alone after a named argument, for stride = stride.
type Arg struct {
	Node
	Name      *Ident
	Value     Expr
	Shorthand bool
}

// Pipe is `x |> stage`, x becoming the first argument of the stage.
type Pipe struct {
	Node
	X     Expr
	Stage *Call
}

// Index is `x[i]`; negative indices count from the end.
type Index struct {
	Node
	X, I Expr
}

// Op is an operator as written: "+", "not in", "..", "and", ...
type Op string

// Unary is `-x` or `not x`.
type Unary struct {
	Node
	Op Op
	X  Expr
}

// Binary is `x op y`.
type Binary struct {
	Node
	Op   Op
	OpAt Node
	X, Y Expr
}

func (*Net) decl()    {}
func (*Block) decl()  {}
func (*Choice) decl() {}
func (*Target) decl() {}
func (*Search) decl() {}

// DeclName is the name of the net.
func (d *Net) DeclName() Ident { return d.Name }

// DeclName is the name of the block.
func (d *Block) DeclName() Ident { return d.Name }

// DeclName is the name of the choice.
func (d *Choice) DeclName() Ident { return d.Name }

// DeclName is the name of the target.
func (d *Target) DeclName() Ident { return d.Name }

// DeclName is the name of the search.
func (d *Search) DeclName() Ident { return d.Name }

func (*Data) setting()        {}
func (*Method) setting()      {}
func (*Objective) setting()   {}
func (*Constraints) setting() {}

func (*Assign) stmt() {}
func (*Let) stmt()    {}
func (*Vary) stmt()   {}
func (*For) stmt()    {}
func (*If) stmt()     {}
func (*Return) stmt() {}
func (*Input) stmt()  {}
func (*Output) stmt() {}

func (*Name) expr()   {}
func (*Number) expr() {}
func (*Bool) expr()   {}
func (*Str) expr()    {}
func (*List) expr()   {}
func (*Comp) expr()   {}
func (*IfExpr) expr() {}
func (*Call) expr()   {}
func (*Pipe) expr()   {}
func (*Index) expr()  {}
func (*Unary) expr()  {}
func (*Binary) expr() {}

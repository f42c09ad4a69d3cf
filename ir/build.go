package ir

import "sotto/ir/pos"

// Builder appends values to a function or to an option of a choice.
type Builder struct {
	Func *Func
	Body *[]*Value
	Pos  pos.Pos // given to what is built
	Path string
}

// NewBuilder appends to the body of f.
func NewBuilder(f *Func) *Builder { return &Builder{Func: f, Body: &f.Body} }

// At gives a builder that marks what it builds with another value's position and path.
func (b *Builder) At(v *Value) *Builder {
	c := *b
	c.Pos, c.Path = v.Pos, v.Path
	return &c
}

// AtPath gives a builder for a position and a path.
func (b *Builder) AtPath(p pos.Pos, path string) *Builder {
	c := *b
	c.Pos, c.Path = p, path
	return &c
}

// In gives a builder that appends to an option.
func (b *Builder) In(o *Option) *Builder {
	c := *b
	c.Body = &o.Body
	return &c
}

// Param appends a weight: param @path : S f32[shape].
func (b *Builder) Param(path string, shape ...int) (*Value, error) {
	v := &Value{Name: b.Func.Fresh(""), Op: MustLookup("param"), Pos: b.Pos, Path: path, Type: Float(shape...).Of(OfServer)}
	if err := checkShape(shape); err != nil {
		return nil, err
	}
	*b.Body = append(*b.Body, v)
	return v, nil
}

// Assign appends what overwrites the state tensor at a path when the function ends.
func (b *Builder) Assign(path string, x *Value) *Value {
	c := *b
	c.Path = path
	return c.Must("assign", nil, x)
}

// Emit appends an op and infers its type. Attributes equal to their default may be left out.
func (b *Builder) Emit(op string, attrs Attrs, args ...*Value) (*Value, error) {
	return b.EmitAs("", op, attrs, args...)
}

// EmitAs is Emit with a name for the value.
func (b *Builder) EmitAs(name, op string, attrs Attrs, args ...*Value) (*Value, error) {
	v := &Value{Op: MustLookup(op), Args: args, Attrs: attrs, Pos: b.Pos, Path: b.Path}
	t, err := v.infer()
	if err != nil {
		return nil, err
	}
	v.Type, v.Name = t, b.Func.Fresh(name)
	*b.Body = append(*b.Body, v)
	return v, nil
}

// Must is Emit for passes, which know that what they build is well typed.
func (b *Builder) Must(op string, attrs Attrs, args ...*Value) *Value {
	return b.MustAs("", op, attrs, args...)
}

// MustAs is Must with a name for the value.
func (b *Builder) MustAs(name, op string, attrs Attrs, args ...*Value) *Value {
	v, err := b.EmitAs(name, op, attrs, args...)
	if err != nil {
		Bugf("building %s at %s (%s): %v", op, b.Pos, b.Path, err)
	}
	return v
}

// Choice appends a use, decided as site, of the choice of the given name, between options of equal result types. Fill
// the options with In first.
func (b *Builder) Choice(site, name string, options ...*Option) (*Value, error) {
	v := &Value{Op: MustLookup("choice"), Attrs: Attrs{"site": site, "choice": name}, Options: options, Pos: b.Pos, Path: b.Path}
	t, err := v.infer()
	if err != nil {
		return nil, err
	}
	v.Type, v.Name = t, b.Func.Fresh("")
	*b.Body = append(*b.Body, v)
	return v, nil
}

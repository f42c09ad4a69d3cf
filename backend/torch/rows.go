package torch

import (
	"fmt"
	"strings"

	"sotto/ir"
)

// A row gives the Python expression of a value: a are its arguments, activations as variables and weights as expressions. Activations have the
// batch as their first dimension, which the IR's do not have.
type row func(w *writer, v *ir.Value, a []string) string

// rows has the ops of SPACE and NET, but for weights and choices, which are no expressions, and movements by loops.
var rows = map[string]row{
	"nn.conv2d": func(_ *writer, v *ir.Value, a []string) string {
		return call("F.conv2d", a, pair(v, "stride", "stride", 1), pair(v, "padding", "pad", 0), pair(v, "dilation", "dilation", 1), groups(v))
	},
	"nn.linear": func(_ *writer, _ *ir.Value, a []string) string { return call("F.linear", a) },
	"nn.batchnorm": func(_ *writer, v *ir.Value, a []string) string {
		return call("self.batchnorm", a, number(v.Float("eps")))
	},
	"nn.scale":     to("layers.scale"),
	"nn.shift":     to("layers.shift"),
	"nn.quadratic": to("layers.quadratic"),
	"nn.relu":      rectifier("F.relu"),
	"nn.relu6":     rectifier("F.relu6"),
	"nn.x2act": func(_ *writer, v *ir.Value, a []string) string {
		return call("layers.x2act", a, number(v.Float("scale")))
	},
	"nn.negate":  form("-%[1]s"),
	"nn.square":  form("%[1]s * %[1]s"),
	"nn.add":     form("%[1]s + %[2]s"),
	"nn.maxpool": pool("F.max_pool2d"),
	"nn.avgpool": pool("F.avg_pool2d"),
	"nn.dropout": func(_ *writer, v *ir.Value, a []string) string {
		return call("F.dropout", a, number(v.Float("p")), "self.training")
	},
	"nn.argmax":  to("layers.argmax"),
	"nn.softmax": form("F.softmax(%[1]s, 1)"),
	"nn.mix": func(_ *writer, _ *ir.Value, a []string) string {
		return fmt.Sprintf("layers.mixed(F.softmax(%s, 0), [%s])", a[0], strings.Join(a[1:], ", "))
	},
	"nn.concat": func(_ *writer, _ *ir.Value, a []string) string {
		return "torch.cat([" + strings.Join(a, ", ") + "], 1)"
	},
	"nn.pad": func(_ *writer, v *ir.Value, a []string) string {
		s := v.Ints("sides") // top, bottom, left, right; PyTorch begins with the last dimension
		return call("F.pad", a, tuple([]int{s[2], s[3], s[0], s[1]}))
	},
	"nn.slice": func(_ *writer, v *ir.Value, a []string) string {
		return call("layers.every", a, number(v.Int("start")), number(v.Int("stride")))
	},
	"nn.reshape": func(_ *writer, v *ir.Value, a []string) string {
		return fmt.Sprintf("%s.reshape(len(%[1]s), %s)", a[0], numbers(v.Type.Shape))
	},

	"const.bnscale": func(_ *writer, v *ir.Value, a []string) string {
		return fmt.Sprintf("%s / torch.sqrt(%s + %s)", a[0], a[1], number(v.Float("eps")))
	},
	"const.scalerows": to("layers.scale_rows"),
	"const.add":       form("%[1]s + %[2]s"),
	"const.sub":       form("%[1]s - %[2]s"),
	"const.rows": func(_ *writer, v *ir.Value, a []string) string {
		return fmt.Sprintf("%s[%d:%d]", a[0], v.Int("lo"), v.Int("hi"))
	},
	"const.reshape": func(_ *writer, v *ir.Value, a []string) string { return a[0] + ".reshape" + tuple(v.Ints("shape")) },
	"const.repeat":  func(_ *writer, v *ir.Value, a []string) string { return fmt.Sprintf("%s.repeat(%d)", a[0], v.Int("n")) },
	"const.x2square": func(_ *writer, v *ir.Value, a []string) string {
		return fmt.Sprintf("(%s * %s).abs().clamp(min=%s)", number(v.Float("scale")), a[0], number(ir.LeastSquare))
	},
	"const.x2sign": func(_ *writer, v *ir.Value, a []string) string {
		return fmt.Sprintf("1.0 - 2.0 * (%s * %s < 0)", number(v.Float("scale")), a[0])
	},
	"const.sqrt":       form("torch.sqrt(%[1]s)"),
	"const.reciprocal": form("1.0 / %[1]s"),
}

// rowOf gives the row of an op, nil if it has none.
func rowOf(o *ir.Op) row {
	if o.Loops != nil {
		return walk
	}
	return rows[o.Name]
}

// walk is a movement by loops: of which places its elements are.
func walk(_ *writer, v *ir.Value, a []string) string {
	return call("layers.walk", a, tuple(v.Op.Loops(v).Flat()), tuple(v.Type.Shape))
}

// to is a function of the arguments alone.
func to(function string) row {
	return func(_ *writer, _ *ir.Value, a []string) string { return call(function, a) }
}

// form is an expression with the arguments put in.
func form(format string) row {
	return func(_ *writer, _ *ir.Value, a []string) string {
		args := make([]any, len(a))
		for i, x := range a {
			args[i] = x
		}
		return fmt.Sprintf(format, args...)
	}
}

// rectifier is a function on the elements that keep has, the others pass.
func rectifier(function string) row {
	return func(w *writer, v *ir.Value, a []string) string {
		keep := v.Ints("keep")
		if len(keep) == 0 {
			return call(function, a)
		}
		w.keeps = append(w.keeps, tuple(keep))
		return call("layers.kept", []string{function}, a[0], fmt.Sprintf("KEEP[%d]", len(w.keeps)-1))
	}
}

func pool(function string) row {
	return func(_ *writer, v *ir.Value, a []string) string {
		return call(function, a, tuple(v.Ints("kernel")), tuple(v.Ints("stride")), tuple(v.Ints("pad")))
	}
}

// call writes a call; empty arguments are left out.
func call(function string, args []string, more ...string) string {
	var given []string
	for _, a := range append(args[:len(args):len(args)], more...) {
		if a != "" {
			given = append(given, a)
		}
	}
	return function + "(" + strings.Join(given, ", ") + ")"
}

// pair is a named argument of two numbers, empty where both are PyTorch's default.
func pair(v *ir.Value, name, attr string, usual int) string {
	p := v.Ints(attr)
	if p[0] == usual && p[1] == usual {
		return ""
	}
	return name + "=" + tuple(p)
}

func groups(v *ir.Value) string {
	if v.Int("groups") == 1 {
		return ""
	}
	return "groups=" + number(v.Int("groups"))
}

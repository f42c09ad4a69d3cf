package hls

import (
	"fmt"
	"regexp"
	"strings"
)

// header is src/config.hpp: structs of constants.
func header(structs ...string) string {
	return "// Constants of the kernels: src/hlslib/word.hpp says what each is. The commands of both boards, their memories and the schedule are made with\n" +
		"// them: for others write the folder again (sotto fpga --knob NAME=VALUE). planned.hpp refuses them otherwise.\n" +
		"#pragma once\n\n#include <cstdint>\n\n" + strings.Join(structs, "\n") + "\n#include \"planned.hpp\"\n"
}

var (
	structLine   = regexp.MustCompile(`^\s*struct (\w+) \{$`)
	wordLine     = regexp.MustCompile(`^\s*typedef uint(\d+)_t word;$`)
	constantLine = regexp.MustCompile(`^\s*static const int (\w+) = (\d+);$`)
)

// planned is src/planned.hpp, which holds the constants of a struct, and of those in it, against what they are as the folder is written.
func planned(structs string) string {
	var s strings.Builder
	s.WriteString("// What the commands of this folder were made with. A constant of config.hpp that differs is refused when a kernel is compiled.\n#pragma once\n\n")
	hold := func(is, name, value string) {
		fmt.Fprintf(&s, "static_assert(%s == %s, \"config.hpp: the commands of this folder are made with %s = %s: write the folder again (sotto fpga --knob)\");\n", is, value, name, value)
	}
	var scopes []string
	for line := range strings.Lines(structs) {
		line = strings.TrimRight(line, "\n")
		scope := strings.Join(scopes, "")
		if m := structLine.FindStringSubmatch(line); m != nil {
			scopes = append(scopes, m[1]+"::")
		} else if m := constantLine.FindStringSubmatch(line); m != nil {
			hold(scope+m[1], scope+m[1], m[2])
		} else if m := wordLine.FindStringSubmatch(line); m != nil {
			hold("8 * sizeof("+scope+"word)", "bits of "+scope+"word", m[1])
		} else if strings.TrimSpace(line) == "};" {
			scopes = scopes[:max(0, len(scopes)-1)]
		}
	}
	return s.String()
}

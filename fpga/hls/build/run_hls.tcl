# Vitis HLS 2020.2 to 2023.1: vitis_hls -f run_hls.tcl, from this folder. Newer ones read hls_config.cfg.
open_project -reset project
set_top {{.Top}}
add_files ../../src/{{.Name}}.cpp -cflags "-std=c++14 -I../../src -I../../src/hlslib"
add_files -tb ../../csim/csim.cpp -cflags "-std=c++14 -I../../src -I../../src/hlslib -Wno-unknown-pragmas"
{{- range .Others}}
add_files -tb ../../src/{{.}}.cpp -cflags "-std=c++14 -I../../src -I../../src/hlslib -Wno-unknown-pragmas"
{{- end}}
open_solution -reset solution -flow_target vitis
set_part {{.Part}}
create_clock -period {{.ClockNS}} -name default
csim_design -ldflags "-pthread" -argv "[file normalize ../../csim/data]"
csynth_design
export_design -format xo -output ../../build/{{.Name}}.xo
exit

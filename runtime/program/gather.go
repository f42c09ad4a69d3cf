package program

import "fmt"

// checkRanges holds the ranges of a gather or scatter within its tensor, in order, and the gathered elements to as many.
func checkRanges(in Instr) error {
	whole, some := in.In[0].Len, in.Out[0].Len
	if in.Op == Scatter {
		whole, some = in.Out[0].Len, in.In[1].Len
	}
	end, kept := 0, 0
	for i := 0; i+1 < len(in.Ints); i += 2 {
		lo, hi := in.Ints[i], in.Ints[i+1]
		if lo < end || hi <= lo || hi > whole {
			return fmt.Errorf("elements %d to %d after %d of %d", lo, hi, end, whole)
		}
		kept += hi - lo
		end = hi
	}
	if len(in.Ints)%2 != 0 || kept != some || in.In[0].Len != whole {
		return fmt.Errorf("%d numbers of ranges with %d elements for %d of %d", len(in.Ints), kept, some, whole)
	}
	return nil
}

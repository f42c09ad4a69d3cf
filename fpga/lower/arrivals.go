package lower

import "strings"

// arrivalPool ends the name of the pool of what waits in front of a kernel's engine: of a Recv, of what is on its way.
const arrivalPool = " inputs"

// LinkBytes is what the network between the boards must hold of each direction, under way or arrived and not received yet: the schedule counts
// on it, and with less the boards may wait for each other without end.
func (p *Plan) LinkBytes() int64 {
	least := int64(-1)
	for _, b := range p.Problem.Pools {
		if bytes := int64(b.Slots) * lineBytes; strings.HasSuffix(b.Name, " "+Recv.String()+arrivalPool) && (least < 0 || bytes < least) {
			least = bytes
		}
	}
	return least
}

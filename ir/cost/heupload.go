package cost

import "slices"

// SameUpload tells whether two plans pack a mask into the same polynomials, in the same order and with the same turns between
// uploads and replies: the uploads of the one then serve the other.
func (p HEPlan) SameUpload(o HEPlan) bool {
	return p.Params == o.Params && p.Batch == o.Batch &&
		p.Layer.InC == o.Layer.InC && p.Layer.InH == o.Layer.InH && p.Layer.InW == o.Layer.InW &&
		p.Rows.sameReads(o.Rows) && p.Cols.sameReads(o.Cols) &&
		p.TileH == o.TileH && p.TileW == o.TileW && p.Row == o.Row && p.Plane == o.Plane &&
		p.Units == o.Units && p.Pitch == o.Pitch && p.Cw == o.Cw
}

// sameReads tells whether two layers read the same positions along an axis.
func (a HEAxis) sameReads(o HEAxis) bool {
	return a.In == o.In && a.Out == o.Out && a.Stride == o.Stride && slices.Equal(a.Phases, o.Phases) && a.First == o.First && a.Halo == o.Halo
}

package cost

// SchemeAuto is the name of the choice of a garbling scheme by price.
const SchemeAuto = "auto"

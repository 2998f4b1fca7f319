package metrics

// A Stage is a part of the home agent that requests wait for.
type Stage int

// The stages.
const (
	OnStore   Stage = iota // a change is made durable, after the commit that is under way
	OnCharon               // strongSwan takes a key and a connection
	OnMove                 // strongSwan follows a mobile node to its new care-of address
	OnKernel               // the kernel forwards a binding, or stops to
	OnAddress              // duplicate address detection
	stageEnd
)

var stageNames = [stageEnd]string{
	OnStore: "store", OnCharon: "charon", OnMove: "charon_move", OnKernel: "kernel", OnAddress: "duplicate_address_detection",
}

// String is the stage as a label.
func (s Stage) String() string { return stageNames[s] }

// A Detection is what duplicate address detection found.
type Detection int

// The results of detection.
const (
	Unique Detection = iota
	Duplicate
	Undecided // it could not be done
	detectionEnd
)

var detectionNames = [detectionEnd]string{Unique: "unique", Duplicate: "duplicate", Undecided: "failed"}

// String is the result as a label.
func (d Detection) String() string { return detectionNames[d] }

// Package bench measures parts of the home agent beside the bare limits of what
// they are made of, and prints what it found.
//
// A number of one machine says little; the ratio of two that were taken in turns
// on the same machine says much. So every section runs its parts interleaved in
// rounds, a bounded number of operations each, and judges ratios.
//
// The package knows samples, processor time and tables, and nothing of what is
// measured: that is in the packages below, one for each section.
//
//	Run, Sample    operations, at most so many at once, and how long they took
//	Clock          processor time of processes
//	Report, Table  what is printed, with the aims that were met and missed
package bench

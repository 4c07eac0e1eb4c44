// Package kill kills snapshots and prunes of the real binary at random moments, and looks at what is left. The packages below it do likewise with what
// else may not leave halves.
package kill

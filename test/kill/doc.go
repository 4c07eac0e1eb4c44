// Package kill kills snapshots and prunes of the real binary at random moments, and checks what is left. The packages below it do the same with other
// work that must not be left half done.
package kill

// Package away has one of two stores be away, for one snapshot and for a day of them, and be back.
package away

// Package logkeys is the closed list of keys that log lines may have, and finds the keys that the tree uses. Its test compares the
// two, and compares the list with the one in CONTRIBUTING.md.
//
// Keys are found in the source, without type information: a call of Info, Warn, Error, Debug, Log or With on something that is called
// log, logger or slog is taken for one of a logger.
package logkeys

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// Keys are all keys that a log line may have.
var Keys = []string{
	// Whose line it is.
	"cluster", "host", "job", "member", "role", "snapshot", "store", "stores", "task", "holder",
	// Why. error is an error value that made something fail; reason is everything else that explains a line.
	"error", "reason",
	// When.
	"due", "next", "schedule", "seconds", "waited", "missed",
	// How much, and from where to where.
	"after", "before", "compacted", "db_size", "estimate_seconds", "files", "from", "in_use", "keys", "notes", "orphans", "removed", "revision",
	"revisions", "size_bytes", "skipped", "to",
	// Which of several.
	"address", "config", "instead", "led_after", "led_before", "led_during", "version",
}

// methods are the methods of a logger that take keys, with the number of arguments before the first key.
var methods = map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "Log": 3, "With": 0}

// Use is one key in the source, or a place at which no key can be read: then Key is "".
type Use struct {
	Key string
	Pos token.Pos
}

// In finds the keys in the files of one package, in the order of the files.
func In(files []*ast.File) []Use {
	f := finder{forwarders: map[string]int{}}
	for _, file := range files {
		f.findForwarders(file)
	}
	for _, file := range files {
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				f.function(fn)
			}
		}
	}
	return f.uses
}

// finder walks the functions of a package.
type finder struct {
	// forwarders are functions that pass their own arguments on to a logger, with the number of arguments before the first key.
	forwarders map[string]int
	uses       []Use
}

// findForwarders finds functions whose variadic parameter goes to a logger.
func (f *finder) findForwarders(file *ast.File) {
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		name, before := variadic(fn)
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && name != "" && call.Ellipsis.IsValid() && isLogger(call) && isIdent(last(call.Args), name) {
				f.forwarders[fn.Name.Name] = before
			}
			return true
		})
	}
}

// function notes the keys of one function.
func (f *finder) function(fn *ast.FuncDecl) {
	param, _ := variadic(fn)
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		before, logs := f.before(call)
		switch {
		case !logs || before > len(call.Args):
		case !call.Ellipsis.IsValid():
			f.pairs(call.Args[before:])
		case param != "" && isIdent(last(call.Args), param): // its callers are looked at
		default:
			f.collected(fn, last(call.Args))
		}
		return true
	})
}

// before returns how many arguments a call has before its first key; false if it logs nothing.
func (f *finder) before(call *ast.CallExpr) (int, bool) {
	name := called(call)
	if n, ok := f.forwarders[name]; ok {
		return n, true
	}
	return methods[name], isLogger(call)
}

// pairs notes the keys among arguments that alternate between key and value.
func (f *finder) pairs(args []ast.Expr) {
	for i := 0; i < len(args); i += 2 {
		f.uses = append(f.uses, Use{Key: text(args[i]), Pos: args[i].Pos()})
	}
}

// collected notes the keys in a slice that the function builds before it logs: with append, or in a literal.
func (f *finder) collected(fn *ast.FuncDecl, slice ast.Expr) {
	name, ok := slice.(*ast.Ident)
	if !ok {
		f.uses = append(f.uses, Use{Pos: slice.Pos()})
		return
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if called(n) == "append" && isIdent(n.Args[0], name.Name) {
				f.pairs(n.Args[1:])
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if literal, ok := n.Rhs[min(i, len(n.Rhs)-1)].(*ast.CompositeLit); ok && isIdent(left, name.Name) {
					f.pairs(literal.Elts)
				}
			}
		}
		return true
	})
}

// variadic returns the name of a function's variadic parameter of type any, and the number of parameters before it.
func variadic(fn *ast.FuncDecl) (name string, before int) {
	for _, field := range fn.Type.Params.List {
		if dots, ok := field.Type.(*ast.Ellipsis); ok && isIdent(dots.Elt, "any") && len(field.Names) == 1 {
			return field.Names[0].Name, before
		}
		before += len(field.Names)
	}
	return "", 0
}

// isLogger reports whether a call is one of a logger's methods that take keys.
func isLogger(call *ast.CallExpr) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	if _, takes := methods[selector.Sel.Name]; !takes {
		return false
	}
	receiver := ""
	switch x := selector.X.(type) {
	case *ast.Ident:
		receiver = x.Name
	case *ast.SelectorExpr:
		receiver = x.Sel.Name
	case *ast.CallExpr: // log.With(...).Info(...)
		return isLogger(x)
	}
	return slices.Contains([]string{"log", "logger", "slog"}, strings.ToLower(receiver))
}

// called is the name of the function or method that is called.
func called(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return fun.Sel.Name
	}
	return ""
}

// text is the value of a string literal; "" for every other expression.
func text(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	value, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return value
}

func isIdent(e ast.Expr, name string) bool {
	ident, ok := e.(*ast.Ident)
	return ok && ident.Name == name
}

func last(args []ast.Expr) ast.Expr {
	if len(args) == 0 {
		return nil
	}
	return args[len(args)-1]
}

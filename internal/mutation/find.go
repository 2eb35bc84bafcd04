package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// form is how an edit's mutants are put into the source.
type form uint8

const (
	condition form = 1 + iota // an expression of type bool
	value                     // an expression of another type
	statement                 // a statement of a list
	post                      // the last statement of a for clause
)

// edit is a place of the source with its mutants. Edits of a file are nested
// or apart.
type edit struct {
	start, end int // offsets in the file
	form       form
	typ        string // of a value, as the file would write it
	mutants    []*mutant
}

// finder collects the edits of one file.
type finder struct {
	pkg     string
	file    string
	src     []byte
	tokens  *token.File
	info    *types.Info
	imports types.Qualifier
	parents []ast.Node // outermost first
	edits   []*edit
	names   map[name]int
	next    *int // id of the next mutant
}

func (f *finder) find(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			f.parents = f.parents[:len(f.parents)-1]
			return true
		}
		if d, ok := n.(*ast.GenDecl); ok && d.Tok != token.VAR {
			return false
		}
		f.visit(n)
		f.parents = append(f.parents, n)
		return true
	})
}

func (f *finder) visit(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.UnaryExpr:
		f.unary(n)
	case *ast.Ident:
		f.literal(n)
	case *ast.IfStmt:
		f.plainCondition(n.Cond)
	case *ast.ForStmt:
		f.plainCondition(n.Cond)
		if s, ok := n.Post.(*ast.IncDecStmt); ok {
			f.add(s, post, "", f.stepped(s))
		}
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					f.plainCondition(e)
				}
			}
		}
	case *ast.ReturnStmt:
		for _, e := range n.Results {
			f.plainCondition(e)
		}
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
	case *ast.BranchStmt:
		f.branch(n)
	}
}

// comparisons are the negation and, where there is one, the other boundary.
var comparisons = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.GEQ, token.LEQ}, token.GEQ: {token.LSS, token.GTR},
	token.GTR: {token.LEQ, token.GEQ}, token.LEQ: {token.GTR, token.LSS},
}

var connectives = map[token.Token]token.Token{token.LAND: token.LOR, token.LOR: token.LAND}

var arithmetic = map[token.Token]token.Token{
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.AND: token.OR, token.OR: token.AND, token.XOR: token.AND, token.AND_NOT: token.AND, token.SHL: token.SHR, token.SHR: token.SHL,
}

// assignments are the arithmetic that assigns.
var assignments = map[token.Token]token.Token{
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.MUL_ASSIGN: token.QUO_ASSIGN, token.QUO_ASSIGN: token.MUL_ASSIGN,
	token.REM_ASSIGN: token.MUL_ASSIGN, token.AND_ASSIGN: token.OR_ASSIGN, token.OR_ASSIGN: token.AND_ASSIGN, token.XOR_ASSIGN: token.AND_ASSIGN,
	token.AND_NOT_ASSIGN: token.AND_ASSIGN, token.SHL_ASSIGN: token.SHR_ASSIGN, token.SHR_ASSIGN: token.SHL_ASSIGN,
}

func (f *finder) binary(n *ast.BinaryExpr) {
	tv := f.info.Types[n]
	if tv.Value != nil {
		return
	}
	with := func(op token.Token) string {
		return "(" + f.text(n.X) + ") " + op.String() + " (" + f.text(n.Y) + ")"
	}
	if ops := comparisons[n.Op]; ops != nil {
		var alts []string
		for _, op := range ops {
			alts = append(alts, with(op))
		}
		f.add(n, condition, "", alts...)
		return
	}
	if op, ok := connectives[n.Op]; ok {
		f.add(n, condition, "", with(op))
		f.plainCondition(n.X)
		f.plainCondition(n.Y)
		return
	}
	if typ, ok := f.number(tv.Type); ok {
		f.add(n, value, typ, with(arithmetic[n.Op]))
	}
}

func (f *finder) unary(n *ast.UnaryExpr) {
	switch n.Op {
	case token.NOT:
		f.add(n, condition, "", f.text(n.X))
	case token.SUB:
		if typ, ok := f.number(f.info.Types[n].Type); ok {
			f.add(n, value, typ, "+("+f.text(n.X)+")")
		}
	}
}

// literal turns true into false and false into true.
func (f *finder) literal(n *ast.Ident) {
	if obj := f.info.Uses[n]; obj == nil || obj.Parent() != types.Universe {
		return
	}
	other := map[string]string{"true": "false", "false": "true"}[n.Name]
	if other != "" && isBool(f.info.Types[n].Type) {
		f.add(n, condition, "", other)
	}
}

// plainCondition negates a condition that none of the operators above makes.
func (f *finder) plainCondition(e ast.Expr) {
	if e == nil {
		return
	}
	tv := f.info.Types[e]
	if tv.Value != nil || !isBool(tv.Type) {
		return
	}
	switch inner := ast.Unparen(e).(type) {
	case *ast.UnaryExpr:
		return
	case *ast.BinaryExpr:
		_, connective := connectives[inner.Op]
		if connective || comparisons[inner.Op] != nil {
			return
		}
	}
	f.add(e, condition, "", "!("+f.text(e)+")")
}

// statements removes what is done for its effect alone.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			if call, ok := s.X.(*ast.CallExpr); !ok || f.isPanic(call) {
				continue
			}
			f.add(s, statement, "", "")
		case *ast.DeferStmt:
			f.add(s, statement, "", "")
		case *ast.IncDecStmt:
			f.add(s, statement, "", f.stepped(s), "")
		case *ast.AssignStmt:
			f.assignment(s)
		}
	}
}

func (f *finder) assignment(s *ast.AssignStmt) {
	if op, ok := assignments[s.Tok]; ok {
		if _, number := f.number(f.info.TypeOf(s.Lhs[0])); number {
			f.add(s, statement, "", f.text(s.Lhs[0])+" "+op.String()+" "+f.text(s.Rhs[0]), "")
		} else {
			f.add(s, statement, "", "")
		}
		return
	}
	if s.Tok != token.ASSIGN {
		return
	}
	for _, l := range s.Lhs {
		if id, ok := l.(*ast.Ident); !ok || id.Name != "_" {
			f.add(s, statement, "", "")
			return
		}
	}
}

func (f *finder) stepped(s *ast.IncDecStmt) string {
	if s.Tok == token.INC {
		return f.text(s.X) + "--"
	}
	return f.text(s.X) + "++"
}

// branch swaps break and continue of a loop that also ends by itself (the
// compiler wants to see that others never do).
func (f *finder) branch(s *ast.BranchStmt) {
	other := map[token.Token]string{token.BREAK: "continue", token.CONTINUE: "break"}[s.Tok]
	if other == "" || s.Label != nil {
		return
	}
	for i := len(f.parents) - 1; i >= 0; i-- {
		switch p := f.parents[i].(type) {
		case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt, *ast.FuncLit:
			return
		case *ast.ForStmt:
			if p.Cond == nil {
				return
			}
			f.add(s, statement, "", other)
			return
		case *ast.RangeStmt:
			f.add(s, statement, "", other)
			return
		}
	}
}

func (f *finder) isPanic(call *ast.CallExpr) bool {
	id, ok := call.Fun.(*ast.Ident)
	return ok && f.info.Uses[id] == types.Universe.Lookup("panic")
}

// number gives the name of a numeric type that the file can write.
func (f *finder) number(t types.Type) (string, bool) {
	basic, ok := t.Underlying().(*types.Basic)
	if !ok || basic.Info()&types.IsNumeric == 0 || basic.Info()&types.IsUntyped != 0 {
		return "", false
	}
	s := types.TypeString(t, f.imports)
	return s, !strings.Contains(s, unwritable)
}

func isBool(t types.Type) bool {
	return t == types.Typ[types.Bool] || t == types.Typ[types.UntypedBool]
}

func (f *finder) text(n ast.Node) string {
	return string(f.src[f.tokens.Offset(n.Pos()):f.tokens.Offset(n.End())])
}

package dynamodb

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// number is a decimal: digits times ten to the power exponent. Zero has no
// digits.
type number struct {
	negative bool
	digits   string // without zeros at either end
	exponent int
}

// maxDigits of a number, and the largest powers of ten (developer guide,
// "Naming rules and data types": 38 digits, 1E-130 to 9.99E+125).
const (
	maxDigits = 38
	maxPower  = 125
	minPower  = -130
)

var decimal = regexp.MustCompile(`^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,6}))?$`)

func parseNumber(s string) (number, error) {
	m := decimal.FindStringSubmatch(s)
	if m == nil || m[2]+m[3] == "" {
		return number{}, invalid("The parameter cannot be converted to a numeric value: %s", s)
	}
	exponent, _ := strconv.Atoi(m[4]) // "" and up to six digits
	return newNumber(m[1] == "-", m[2]+m[3], exponent-len(m[3]))
}

// newNumber strips the zeros and holds the rest against the limits.
func newNumber(negative bool, digits string, exponent int) (number, error) {
	digits = strings.TrimLeft(digits, "0")
	short := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(short)
	if short == "" {
		return number{}, nil
	}
	power := exponent + len(short) - 1
	switch {
	case len(short) > maxDigits:
		return number{}, invalid("Attempting to store more than 38 significant digits in a Number")
	case power > maxPower:
		return number{}, invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case power < minPower:
		return number{}, invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	}
	return number{negative, short, exponent}, nil
}

// String writes the number without an exponent.
func (n number) String() string {
	if n.digits == "" {
		return "0"
	}
	sign := ""
	if n.negative {
		sign = "-"
	}
	if n.exponent >= 0 {
		return sign + n.digits + strings.Repeat("0", n.exponent)
	}
	point := len(n.digits) + n.exponent
	if point <= 0 {
		return sign + "0." + strings.Repeat("0", -point) + n.digits
	}
	return sign + n.digits[:point] + "." + n.digits[point:]
}

// scaled is the number times ten to the power -exponent, an integer where
// exponent is not above n's.
func (n number) scaled(exponent int) *big.Int {
	i := new(big.Int)
	if n.digits != "" {
		i.SetString(n.digits+strings.Repeat("0", n.exponent-exponent), 10)
	}
	if n.negative {
		i.Neg(i)
	}
	return i
}

func addNumbers(a, b string, subtract bool) (string, error) {
	x, y := stored(a), stored(b)
	if subtract {
		y.negative = !y.negative
	}
	exponent := min(x.exponent, y.exponent)
	sum := new(big.Int).Add(x.scaled(exponent), y.scaled(exponent))
	n, err := newNumber(sum.Sign() < 0, new(big.Int).Abs(sum).String(), exponent)
	return n.String(), err
}

func compareNumbers(a, b string) int {
	x, y := stored(a), stored(b)
	exponent := min(x.exponent, y.exponent)
	return x.scaled(exponent).Cmp(y.scaled(exponent))
}

// stored reads back what String wrote.
func stored(s string) number {
	n, err := parseNumber(s)
	if err != nil {
		panic(err)
	}
	return n
}

// numberSize is about one byte for two digits and one more, and one for a sign
// (developer guide, "DynamoDB item sizes and formats").
func numberSize(s string) int {
	n := stored(s)
	size := (len(n.digits)+1)/2 + 1
	if n.negative {
		size++
	}
	return size
}

package ledger

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// rulesPerNote keeps an update expression below DynamoDB's 4 KB.
const rulesPerNote = 90

// expression builds an update of one item.
type expression struct {
	set, remove, add []string
	names            map[string]string
	values           attributes
}

func newExpression() *expression {
	return &expression{names: map[string]string{}, values: attributes{}}
}

func (e *expression) name(name string) string {
	placeholder := "#" + strconv.Itoa(len(e.names))
	e.names[placeholder] = name
	return placeholder
}

func (e *expression) value(v types.AttributeValue) string {
	placeholder := ":" + strconv.Itoa(len(e.values))
	e.values[placeholder] = v
	return placeholder
}

// setAll sets attributes, in the order of their names; absentOnly leaves those
// alone that are there.
func (e *expression) setAll(a attributes, absentOnly bool) {
	for _, name := range a.names() {
		n, v := e.name(name), e.value(a[name])
		if absentOnly {
			v = "if_not_exists(" + n + "," + v + ")"
		}
		e.set = append(e.set, n+"="+v)
	}
}

func (e *expression) text() string {
	var parts []string
	if len(e.set) > 0 {
		parts = append(parts, "SET "+strings.Join(e.set, ","))
	}
	if len(e.remove) > 0 {
		parts = append(parts, "REMOVE "+strings.Join(e.remove, ","))
	}
	if len(e.add) > 0 {
		parts = append(parts, "ADD "+strings.Join(e.add, ","))
	}
	return strings.Join(parts, " ")
}

func (p patch) expression() *expression {
	e := newExpression()
	e.setAll(p.set, false)
	for _, name := range p.remove {
		e.remove = append(e.remove, e.name(name))
	}
	if p.bump {
		e.add = append(e.add, e.name(attrVersion)+" "+e.value(number(1)))
	}
	return e
}

func (p patch) update(table string) *dynamodb.UpdateItemInput {
	e := p.expression()
	return &dynamodb.UpdateItemInput{
		TableName: &table, Key: p.key.attributes(), UpdateExpression: aws.String(e.text()),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}
}

// onto makes the patch on an item in memory.
func (p patch) onto(item attributes) error {
	maps.Copy(item, p.set)
	for _, name := range p.remove {
		delete(item, name)
	}
	if !p.bump {
		return nil
	}
	version, err := item.number(attrVersion)
	item[attrVersion] = number(version + 1)
	return err
}

// noteAttributes are what a note sets where it is absent.
func noteAttributes(n incident.Note) (attributes, error) {
	a := attributes{attrSchema: number(schemaVersion)}
	a.setText(attrName, n.Name)
	a.setText(attrVPC, n.VPCID)
	for id, k := range n.Rules {
		if err := setRule(a, id, k); err != nil {
			return nil, err
		}
	}
	for id, r := range n.Removed {
		if err := setRemoved(a, id, r); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// noteUpdates are the updates of a note: one, unless it has very many rules.
func noteUpdates(table string, n incident.Note) ([]*dynamodb.UpdateItemInput, error) {
	all, err := noteAttributes(n)
	if err != nil {
		return nil, err
	}
	var updates []*dynamodb.UpdateItemInput
	for names := range slices.Chunk(all.names(), rulesPerNote) {
		part := maps.Clone(all)
		maps.DeleteFunc(part, func(name string, _ types.AttributeValue) bool { return !slices.Contains(names, name) })
		e := newExpression()
		e.setAll(part, true)
		e.remove = append(e.remove, e.name(attrExpires))
		e.add = append(e.add, e.name(attrVersion)+" "+e.value(number(1)))
		updates = append(updates, &dynamodb.UpdateItemInput{
			TableName: &table, Key: groupKey(n.GroupID).attributes(), UpdateExpression: aws.String(e.text()),
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values, ReturnValues: types.ReturnValueAllNew,
		})
	}
	return updates, nil
}

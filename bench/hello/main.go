// Command hello is an empty function: what every Go function on Lambda pays
// before it does anything. guard's start, size and memory are told against it.
package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context, json.RawMessage) (string, error) { return "hello", nil })
}

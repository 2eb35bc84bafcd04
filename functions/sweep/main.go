// Command sweep is the Lambda function that passes over all security groups of
// a region. Package internal/sweep says what it does.
package main

import (
	"log/slog"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/sweep"
)

func main() {
	logger := guard.NewLogger(os.Stdout, os.Getenv("AWS_LAMBDA_LOG_LEVEL"))
	slog.SetDefault(logger) // the runtime client logs through package log
	settings, err := guard.FromEnviron(os.Environ())
	if err != nil {
		logger.Error("settings", slog.Any("faults", strings.Split(err.Error(), "\n")))
		os.Exit(1)
	}
	lambda.Start(sweep.New(settings, logger, os.Stdout))
}

// Command canary is the Lambda function that sees whether guard does its work.
// Package internal/canary says how.
package main

import (
	"log/slog"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/sgwarden/sgwarden/internal/canary"
	"github.com/sgwarden/sgwarden/internal/guard"
)

func main() {
	logger := guard.NewLogger(os.Stdout, os.Getenv("AWS_LAMBDA_LOG_LEVEL"))
	slog.SetDefault(logger) // the runtime client logs through package log
	settings, err := canary.FromEnviron(os.Environ())
	if err != nil {
		logger.Error("settings", slog.Any("faults", strings.Split(err.Error(), "\n")))
		os.Exit(1)
	}
	lambda.Start(canary.New(settings, logger, os.Stdout))
}

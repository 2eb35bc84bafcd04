package runtimeapi

import (
	"fmt"
	"path/filepath"
	"strconv"
	"time"
)

// Function is the configuration that the platform gives to a function. Zero
// fields take the values that their comments name.
type Function struct {
	Name      string        // "guard"
	AccountID string        // "123456789012"
	Region    string        // "us-east-1"
	Timeout   time.Duration // of one invocation; 60 s
	MemoryMB  int           // 256; told to the function, not enforced
	// Under is a program that runs the bootstrap, such as an emulator of another
	// processor; "" = this machine runs it.
	Under string
	// Env is the function's own environment. It wins over what the platform sets.
	Env map[string]string
}

func (f Function) withDefaults() Function {
	if f.Name == "" {
		f.Name = "guard"
	}
	if f.AccountID == "" {
		f.AccountID = "123456789012"
	}
	if f.Region == "" {
		f.Region = "us-east-1"
	}
	if f.Timeout == 0 {
		f.Timeout = time.Minute
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = 256
	}
	return f
}

// ARN is the ARN by which the function is invoked.
func (f Function) ARN() string {
	f = f.withDefaults()
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", f.Region, f.AccountID, f.Name)
}

// environ is the whole environment of the process. Nothing is inherited: on
// Lambda there is no parent whose variables could leak in.
// Names: docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html.
func (f Function) environ(api, bootstrap string) []string {
	f = f.withDefaults()
	all := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          api,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "local",
		"AWS_LAMBDA_LOG_FORMAT":           "JSON",
		"AWS_EXECUTION_ENV":               "AWS_Lambda_provided.al2023",
		"AWS_REGION":                      f.Region,
		"AWS_DEFAULT_REGION":              f.Region,
		"AWS_ACCESS_KEY_ID":               "test",
		"AWS_SECRET_ACCESS_KEY":           "test",
		"AWS_SESSION_TOKEN":               "test",
		"LAMBDA_TASK_ROOT":                filepath.Dir(bootstrap),
		"_HANDLER":                        "bootstrap",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin",
		"TZ":                              ":UTC",
	}
	for k, v := range f.Env {
		all[k] = v
	}
	env := make([]string, 0, len(all))
	for k, v := range all {
		env = append(env, k+"="+v)
	}
	return env
}

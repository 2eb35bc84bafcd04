package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sgwarden/sgwarden/internal/deployment"
	"github.com/sgwarden/sgwarden/internal/localaws"
)

// withAWS gives a script an AWS of its own, in which the stack Sgwarden stands,
// and a client's environment for it.
func withAWS(env *testscript.Env) error {
	cloud := localaws.New(localaws.Options{})
	server := httptest.NewServer(withStack(cloud))
	env.Defer(server.Close)
	env.Setenv("AWS_ENDPOINT_URL", server.URL)
	env.Setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
	env.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	env.Setenv("AWS_REGION", localRegion)
	return nil
}

const localRegion = "us-east-1"

// withStack answers for CloudFormation too, which knows one stack.
func withStack(cloud *localaws.AWS) http.Handler {
	next := cloud.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "/cloudformation/aws4_request") {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil || !strings.Contains(string(body), "Action=DescribeStacks"):
			w.WriteHeader(http.StatusBadRequest)
		case !strings.Contains(string(body), "StackName="+deployment.DefaultStack+"&"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id X does not exist</Message></Error></ErrorResponse>`)
		default:
			_, _ = io.WriteString(w, stackOf(cloud))
		}
	})
}

func stackOf(cloud *localaws.AWS) string {
	var outputs strings.Builder
	for _, name := range deployment.OutputNames() {
		value := "some " + name
		if name == "TableName" {
			value = cloud.Table()
		}
		fmt.Fprintf(&outputs, `<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>`, name, value)
	}
	return `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Sgwarden</StackName><StackStatus>CREATE_COMPLETE</StackStatus>` +
		`<CreationTime>2026-03-02T09:00:00Z</CreationTime><Outputs>` + outputs.String() + `</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`
}

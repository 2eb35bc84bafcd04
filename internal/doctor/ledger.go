package doctor

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type tableReader interface {
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	DescribeContinuousBackups(context.Context, *dynamodb.DescribeContinuousBackupsInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeContinuousBackupsOutput, error)
	DescribeTimeToLive(context.Context, *dynamodb.DescribeTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error)
}

// checkLedger asks whether the table is there, and protected as the stack made
// it.
func checkLedger(ctx context.Context, x *examination, f *findings) {
	name := x.deployed.Table
	table, err := x.Table.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	switch {
	case code(err) == "ResourceNotFoundException":
		f.problem("restore it from a backup, or deploy under another name: without it the guard only takes back what is worst", "table %s is gone", name)
		return
	case err != nil:
		f.unknown("table "+name, err)
		return
	case table.Table.TableStatus != types.TableStatusActive:
		f.problem("ask again in a minute", "table %s is %s", name, table.Table.TableStatus)
		return
	}
	var lacks []string
	if !aws.ToBool(table.Table.DeletionProtectionEnabled) {
		lacks = append(lacks, "deletion protection")
	}
	backups, err := x.Table.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &name})
	switch {
	case err != nil:
		f.unknown("backups of the table", err)
	case backups.ContinuousBackupsDescription == nil || backups.ContinuousBackupsDescription.PointInTimeRecoveryDescription == nil ||
		backups.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != types.PointInTimeRecoveryStatusEnabled:
		lacks = append(lacks, "point-in-time recovery")
	}
	expiry, err := x.Table.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	switch {
	case err != nil:
		f.unknown("expiry of the table's items", err)
	case expiry.TimeToLiveDescription == nil || expiry.TimeToLiveDescription.TimeToLiveStatus != types.TimeToLiveStatusEnabled:
		lacks = append(lacks, "expiry of old incidents (TTL)")
	}
	switch {
	case len(lacks) > 0:
		f.warn("deploy again: make deploy; and find out who changed it", "table %s is active, without %s", name, strings.Join(lacks, ", "))
	case len(f.all) == 0:
		f.ok("table %s is active, protected from deletion, with backups and expiry", name)
	}
}

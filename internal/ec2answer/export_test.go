package ec2answer

var ReadRules = readRules

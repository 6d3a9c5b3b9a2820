//! Rows of the table as metrics and ARNs meet in them.

use super::*;

fn write(namespace: &str, dimensions: &[(&str, &str)], at: At<'_>) -> Option<String> {
    let value = |wanted: &str| dimensions.iter().find(|(k, _)| *k == wanted).map(|(_, v)| *v);
    written(namespace, value, at)
}

const AT: At<'_> = At {
    region: "eu-west-1",
    account: Some("123456789012"),
};

#[test]
fn every_line_of_the_table_is_a_row_and_every_row_can_be_read_back() {
    let text = include_str!("../../data/arn-dimensions.tsv");
    let lines = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(TABLE.rows.len() + 1, lines);
    for row in TABLE.rows.iter().filter(|row| row.reversible && row.tells()) {
        let named: Vec<(&str, String)> = row
            .dimensions
            .iter()
            .map(|(name, value)| {
                let text = match value {
                    Value::Unknown => "x".to_owned(),
                    Value::Whole => {
                        let stars: Stars<'_> = vec![Some("x"); 4];
                        let resource = row.resource.write(&stars).expect("few stars");
                        format!("arn:aws:{}:eu-west-1:123456789012:{resource}", row.service)
                    }
                    Value::Part(template) => template.write(&vec![Some("x"); 4]).expect("few stars"),
                };
                (*name, text)
            })
            .collect();
        let value = |wanted: &str| named.iter().find(|(k, _)| *k == wanted).map(|(_, v)| v.as_str());
        let arn = row.write(value, AT).unwrap_or_else(|| panic!("{row:?}"));
        assert!(row.is_arn(&arn), "{arn} {row:?}");
        let back = row.dimensions_of(&arn).expect("its own ARN");
        assert!(row.read_as(value).contains(&back), "{back:?} {row:?}");
    }
}

#[test]
fn arns_are_written_where_the_dimensions_hold_all_of_them() {
    for (namespace, dimensions, wanted) in [
        (
            "AWS/EC2",
            vec![("InstanceId", "i-1")],
            Some("arn:aws:ec2:eu-west-1:123456789012:instance/i-1"),
        ),
        ("AWS/EC2", vec![("AutoScalingGroupName", "a")], None),
        ("AWS/EC2", vec![], None),
        (
            "AWS/S3",
            vec![("BucketName", "b"), ("StorageType", "x")],
            Some("arn:aws:s3:::b"),
        ),
        (
            "AWS/Route53",
            vec![("HealthCheckId", "h")],
            Some("arn:aws:route53:::healthcheck/h"),
        ),
        (
            "AWS/RDS",
            vec![("DBInstanceIdentifier", "o")],
            Some("arn:aws:rds:eu-west-1:123456789012:db:o"),
        ),
        (
            "AWS/DocDB",
            vec![("DBClusterIdentifier", "o")],
            Some("arn:aws:rds:eu-west-1:123456789012:cluster:o"),
        ),
        (
            "AWS/ECS",
            vec![("ClusterName", "c1"), ("ServiceName", "api")],
            Some("arn:aws:ecs:eu-west-1:123456789012:service/c1/api"),
        ),
        (
            "AWS/ApplicationELB",
            vec![
                ("LoadBalancer", "app/web/50dc"),
                ("AvailabilityZone", "eu-west-1a"),
            ],
            Some("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc"),
        ),
        (
            "AWS/ApplicationELB",
            vec![
                ("LoadBalancer", "app/web/50dc"),
                ("TargetGroup", "targetgroup/web/77aa"),
            ],
            Some("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/77aa"),
        ),
        (
            "AWS/States",
            vec![("StateMachineArn", "arn:aws:states:eu-west-1:1:stateMachine:m")],
            Some("arn:aws:states:eu-west-1:1:stateMachine:m"),
        ),
        (
            "AWS/States",
            vec![("StateMachineArn", "arn:aws:lambda:eu-west-1:1:function:m")],
            None,
        ),
        (
            "AWS/Logs",
            vec![("LogGroupName", "/aws/lambda/a")],
            Some("arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/a"),
        ),
        // Parts of these ARNs are nowhere in the metric.
        ("AWS/Kafka", vec![("Cluster Name", "k")], None),
        ("AWS/AmazonMQ", vec![("Broker", "b-1")], None),
        ("AWS/ApiGateway", vec![("ApiName", "a"), ("Stage", "prod")], None),
        // A name that cannot stand in such an ARN.
        ("AWS/EC2", vec![("InstanceId", "i/1")], None),
        ("AWS/SageMaker", vec![("EndpointName", "Mixed")], None),
        ("Shop", vec![("InstanceId", "i-1")], None),
    ] {
        assert_eq!(
            write(namespace, &dimensions, AT).as_deref(),
            wanted,
            "{namespace} {dimensions:?}"
        );
    }
}

#[test]
fn partitions_follow_the_region_and_without_the_number_only_arns_without_one_are_written() {
    for (region, partition) in [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
    ] {
        let at = At { region, ..AT };
        let arn = write("AWS/SQS", &[("QueueName", "q")], at);
        assert_eq!(arn, Some(format!("arn:{partition}:sqs:{region}:123456789012:q")));
        let at = At {
            region,
            account: None,
        };
        assert_eq!(write("AWS/SQS", &[("QueueName", "q")], at), None);
        assert_eq!(
            write("AWS/S3", &[("BucketName", "q")], at),
            Some(format!("arn:{partition}:s3:::q"))
        );
    }
}

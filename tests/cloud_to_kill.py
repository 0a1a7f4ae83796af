"""A process that makes a simulated cloud with a machine, and is there to be killed."""

from __future__ import annotations

import sys
import time

import boto3

from dqnkit.cloud.simulated.aws import simulated_aws


def main(user_data: str) -> None:
    """Print the number of the process in the machine's container as soon as it runs."""
    with simulated_aws() as cloud:
        ec2 = boto3.client("ec2")
        image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
        ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, UserData=user_data)
        while not (pid := cloud.instances()[0].pid):
            time.sleep(0.02)
        print(pid, flush=True)
        time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1])

"""Writes the plan to the pull request, in one comment for each set of files. Finds the comment by its first line.

If planning failed, the comment shows that instead, because someone could approve an outdated plan by mistake.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

AUTHOR = "github-actions[bot]"
"""The author of comments written with the job's token. Comments by other authors are never changed."""

NO_REPORT = "### reconcile: no plan\n\nSee the log of this run for the reason.\n"


def main() -> None:
    """Write the comment."""
    files = sorted({line.strip() for line in os.environ["FILE"].splitlines()} - {""})
    digest = hashlib.sha256("\n".join(files).encode()).hexdigest()
    marker = f"<!-- vps-reconcile {digest[:16]} -->"
    report = Path(os.environ["REPORT"] or os.devnull).read_text(encoding="utf-8") or NO_REPORT
    body = f"{marker}\n{report}\nPlanned for {os.environ['COMMIT']} in [this run]({os.environ['RUN_URL']}).\n"

    comments = f"repos/{os.environ['GH_REPO']}/issues/{os.environ['PULL_REQUEST']}/comments"
    pages = json.loads(gh("--paginate", "--slurp", f"{comments}?per_page=100"))
    ours = [
        comment["id"]
        for page in pages
        for comment in page
        # The user is null if the account was deleted.
        if (comment["user"] or {}).get("login") == AUTHOR and (comment["body"] or "").startswith(marker)
    ]
    if ours:
        gh("--method", "PATCH", f"repos/{os.environ['GH_REPO']}/issues/comments/{ours[0]}", "--input", "-", body=body)
    else:
        gh("--method", "POST", comments, "--input", "-", body=body)


def gh(*arguments: str, body: str | None = None) -> str:
    """Call GitHub's API and return the response. `gh` reports errors on stderr."""
    sent = None if body is None else json.dumps({"body": body})
    return subprocess.run(
        ["gh", "api", *arguments], input=sent, stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError:
        sys.exit("The comment was not written. The job needs `permissions: pull-requests: write`.")

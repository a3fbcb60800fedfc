# Makes the new version ready beside the old one, and lets it take its place in one step, so that nobody meets
# half of it.
set -eu
# What was named and proved before is also what is served.
: "${MERGEWRIGHT_VERSION:?}"
. ./serving.sh
mkdir -p "$place"
next=$(mktemp -d "$place/$MERGEWRIGHT_VERSION.XXXXXX")
cp model.json evaluate.py "$next/"
printf '%s\n' "$MERGEWRIGHT_VERSION" > "$next/version"
ln -s "$next" "$place/live.$$"
# `mv` would step into the folder that the old link names; this replaces the link itself.
python3 -c 'import os, sys; os.replace(*sys.argv[1:])' "$place/live.$$" "$place/live"
echo "$MERGEWRIGHT_VERSION is served from $place/live"

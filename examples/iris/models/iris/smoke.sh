# Asks what is served now for a flower that nobody could mistake: the right version must answer, and rightly.
set -eu
. ./serving.sh
live="$place/live"
[ "$(cat "$live/version")" = "${MERGEWRIGHT_VERSION:?}" ] || { echo "another version is served" >&2; exit 1; }
cd "$live"
PYTHONDONTWRITEBYTECODE=1 python3 - <<'CHECK'
import json, sys
sys.path.insert(0, ".")
from evaluate import KNOWN, best, predict
with open("model.json", encoding="utf-8") as file:
    model = json.load(file)
for species, flower in KNOWN.items():
    answer = best(predict(model, flower))
    print("a typical %s is recognised as %s" % (species, answer))
    if answer != species:
        sys.exit("the served model does not recognise a typical " + species)
CHECK

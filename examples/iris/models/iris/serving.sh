# Names, for the scripts that read this file, the folder that stands for a server: one for each project and
# environment. `live` in it is what is served.
project=$(printf %s "${CI_PROJECT_URL:-${GITHUB_SERVER_URL:-}/${GITHUB_REPOSITORY:-here}}" | tr -c 'A-Za-z0-9.-' '_')
place="${IRIS_SERVING:-/tmp/iris-serving}/$project/${MERGEWRIGHT_ENVIRONMENT:?}"

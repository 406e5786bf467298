# shellcheck shell=bash
# Sourced by the installers, after `here` is set to their folder: the parts that both need.

# shellcheck source=lib/install/words.sh
. "$here/lib/install/words.sh"
# shellcheck source=lib/install/source.sh
. "$here/lib/install/source.sh"
# shellcheck source=lib/install/software.sh
. "$here/lib/install/software.sh"
# shellcheck source=lib/install/system.sh
. "$here/lib/install/system.sh"
# shellcheck source=lib/install/health.sh
. "$here/lib/install/health.sh"

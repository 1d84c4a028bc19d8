#!/bin/sh
# floors.sh - who may include whom. Arrows point down only, and each outside library has one room.
# Prints every line that breaks a rule; exit status 1 if there is one.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0

# forbid WHERE PATTERN WHY: no file below WHERE (a list of globs) may hold a line that matches.
forbid() {
	# shellcheck disable=SC2086 # the list of globs is meant to be split
	if found=$(grep -nE "$2" $1 /dev/null); then
		echo "$3:"
		echo "$found"
		bad=1
	fi
}

all=$(git ls-files '*.c' '*.h' 2>/dev/null || find . -name '*.[ch]')
except() { # the files outside of a folder pattern
	echo "$all" | grep -vE "$1"
}

inc='^#include [<"]'
forbid "$(except '^common/net/')" "${inc}(uv\.h|common/net/(conn_)?private\.h)" "libuv is common/net's"
forbid "$(except '^(common/net|tests)/')" "${inc}(openssl/ssl\.h|common/net/tls_private\.h)" "TLS is common/net's"
forbid "$(except '^(common/(net|conf)|tests)/')" "${inc}openssl/(pem|x509.*)\.h" "certificates are common/net's and common/conf's"
forbid "$(except '^common/net/')" "${inc}ares" "c-ares is common/net's"
forbid "$(except '^common/(window|store)/')" "${inc}lmdb\.h" "LMDB is the window's and the store's"
forbid "$(except '^common/conf/')" "${inc}(confuse\.h|common/conf/schema\.h)" "libConfuse is common/conf's"
forbid "$(except '^(common/users/|tests/unit/mechanisms_test)')" "${inc}(crypt|argon2|gsasl)\.h" "hashes and GNU SASL are common/users'"
forbid "$(except '^(ctl|tests)/')" "${inc}jansson\.h" "JSON is ctl's"
forbid "$(except '^common/daemon/')" "${inc}systemd/" "systemd is common/daemon's"
forbid "$(except '^common/daemon/seccomp\.c$')" "${inc}seccomp\.h" "libseccomp is common/daemon/seccomp.c's"
forbid "$(except '^(common/store|tests)/')" "${inc}common/store/" "only the store is the store"

forbid "$(echo "$all" | grep '^common/base/')" "${inc}(common/[^b]|pop3d|smtpgate|ctl)" "base stands on nothing"
forbid "$(echo "$all" | grep '^common/line/')" "${inc}(common/[^bl]|pop3d|smtpgate|ctl)" "line stands on base alone"
forbid "$(echo "$all" | grep '^common/')" "${inc}(pop3d|smtpgate|ctl)/" "common is below the daemons"
forbid "$(echo "$all" | grep '^pop3d/')" "${inc}(smtpgate|ctl)/" "pop3d knows POP3 alone"
forbid "$(echo "$all" | grep '^smtpgate/')" "${inc}(pop3d|ctl)/" "smtpgate knows SMTP alone"

engines='^(pop3d/(pop3|hello|auth|trans|send|mailname|quota|sizes|uidl)|smtpgate/(gate|hello|auth|mail|parameters|dsn|data|bdat|upstream|lmtpd|body|path|reply|policy|received))\.[ch]$'
forbid "$(echo "$all" | grep -E "$engines")" "${inc}(common/(net|users|window|daemon|worker|conf)/|sys/socket|unistd|fcntl|common/base/clock)" \
	"an engine knows no socket, file or clock"
exit $bad

#!/bin/sh
# Install the Debian packages that the live tests need, if they are missing and we may; say what is missing.
set -eu
packages="freeradius freeradius-ldap freeradius-utils radsecproxy libpam-radius-auth pamtester oathtool iproute2 zbar-tools slapd ldap-utils systemd tinyproxy-bin"

# An Active Directory domain controller.
packages="$packages samba samba-ad-provision samba-ad-dc winbind ldb-tools"

missing() {
    for package in $packages; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || printf '%s ' "$package"
    done
}

loudly() {
    printf '\n!!! %s\n!!! The live tests that need them cannot run.\n\n' "$1" >&2
}

if ! command -v dpkg-query >/dev/null; then
    loudly "This is not Debian: install yourself what stands in for: $packages"
    exit 0
fi
wanted=$(missing)
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    loudly "Not installed (neither root nor sudo without a password): $wanted"
    exit 0
fi

# A FreeRADIUS that starts by itself would take port 1812 of the machine.
policy=/usr/sbin/policy-rc.d
ours=
undo() {
    [ -z "$ours" ] || $as_root rm -f "$policy"
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi

echo "radiusmfa: installing $wanted..." >&2
install() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1
}
# shellcheck disable=SC2086
if ! install $wanted; then
    $as_root apt-get update -q >/dev/null 2>&1 || true
    # shellcheck disable=SC2086
    install $wanted || for package in $wanted; do
        install "$package" || true
    done
fi
for service in freeradius slapd; do
    case " $wanted" in
    *" $service "*)
        # Installed by us for tests: neither now nor at the next boot.
        if command -v systemctl >/dev/null; then
            $as_root systemctl disable --quiet "$service.service" 2>/dev/null || true
        fi
        ;;
    esac
done
left=$(missing)
[ -z "$left" ] || loudly "Could not be installed: $left"

case " $wanted" in
*" samba "*)
    # Neither now nor at the next boot: file sharing, name service and winbind are no part of the tests.
    if command -v systemctl >/dev/null; then
        for unit in smbd nmbd winbind samba-ad-dc; do
            $as_root systemctl disable --quiet "$unit.service" 2>/dev/null || true
        done
    fi
    ;;
esac

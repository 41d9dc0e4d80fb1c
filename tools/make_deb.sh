#!/usr/bin/env bash
# Makes the Debian package of a program that was built for this machine:
#   make_deb.sh build/release/src/penstock build/deb      prints the package's path
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "$1")
output=$2
version=$(awk '/^project/ {print $3}' CMakeLists.txt)
architecture=$(dpkg --print-architecture)
# The same sources give the same package.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1767225600)}

tree=$output/penstock_${version}_$architecture
rm -rf "$tree"
mkdir -p "$output"
umask 022
install -D -m 755 "$program" "$tree/usr/bin/penstock"
strip --strip-unneeded "$tree/usr/bin/penstock"
install -D -m 644 deploy/debian/penstock.service "$tree/lib/systemd/system/penstock.service"
install -D -m 644 deploy/debian/sysusers.conf "$tree/usr/lib/sysusers.d/penstock.conf"
install -D -m 644 deploy/debian/penstock.conf "$tree/etc/penstock/penstock.conf"
install -d "$tree/etc/penstock/pipelines"
install -D -m 644 deploy/debian/lintian-overrides "$tree/usr/share/lintian/overrides/penstock"
documents=$tree/usr/share/doc/penstock
install -D -m 644 -t "$documents" README.md deploy/debian/copyright
install -D -m 644 -t "$documents/docs" docs/*.md
install -D -m 644 -t "$documents/examples" examples/users/users.yaml
install -D -m 644 -t "$documents/examples/prometheus" deploy/prometheus/*.yml
install -D -m 644 -t "$documents/examples/grafana" deploy/grafana/penstock.json
{ echo "penstock ($version) unstable; urgency=medium"; echo; echo "  * Version $version."; echo
  echo " -- The Penstock developers <penstock@localhost>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")"; } |
  gzip -9n >"$documents/changelog.gz"
install -d "$tree/usr/share/man/man1"
tools/manual_page.py "$program" | gzip -9n >"$tree/usr/share/man/man1/penstock.1.gz"

# What the program's libraries ask for, with the versions that have what it uses.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/debian"
printf 'Source: penstock\n\nPackage: penstock\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O "$program" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "dpkg-shlibdeps found no libraries (Debian package dpkg-dev)" >&2; exit 1; }

install -d "$tree/DEBIAN"
size=$(du -k -s --apparent-size "$tree" | cut -f1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" -e "s/@DEPENDS@/$depends/" \
  deploy/debian/control.in >"$tree/DEBIAN/control"
for script in postinst prerm postrm; do install -m 755 "deploy/debian/$script" "$tree/DEBIAN/$script"; done
echo /etc/penstock/penstock.conf >"$tree/DEBIAN/conffiles"
(cd "$tree" && find . -type f ! -path './DEBIAN/*' -printf '%P\n' | LC_ALL=C sort | xargs md5sum) >"$tree/DEBIAN/md5sums"
dpkg-deb --root-owner-group --build "$tree" "$tree.deb" >/dev/null
echo "$tree.deb"

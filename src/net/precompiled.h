// Precompiled for every folder that sees the network: Asio costs 3 s a file otherwise.
#pragma once
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include "base/precompiled.h"

#ifndef EIE_TESTS_CHECK_H_
#define EIE_TESTS_CHECK_H_

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

/// Ends the program with a message unless `condition` holds.
#define CHECK(condition) ((condition) ? void() : ::eie::FailCheck(__FILE__, __LINE__, #condition))

/// The same for two values that are to be equal; prints both.
#define CHECK_EQ(got, expected) \
  ::eie::CheckEqual(__FILE__, __LINE__, #got " == " #expected, got, expected)

/// The same for an expression that is to throw `Error` with `part` in its message.
#define CHECK_THROWS(Error, part, expression) \
  ::eie::CheckThrows<Error>(__FILE__, __LINE__, #expression, part, [&] { (void)(expression); })

namespace eie {

[[noreturn]] inline void FailCheck(const char* file, int line, const std::string& what) {
  std::cerr << file << ":" << line << ": " << what << std::endl;
  std::exit(1);
}

template <typename Got, typename Expected>
void CheckEqual(const char* file, int line, const char* what, const Got& got,
                const Expected& expected) {
  if (got == expected) return;
  std::cerr << "got " << got << ", expected " << expected << "\n";
  FailCheck(file, line, what);
}

template <typename Error, typename Body>
void CheckThrows(const char* file, int line, const char* what, const std::string& part, Body body) {
  std::string message = "no exception";
  try {
    body();
  } catch (const Error& error) {
    message = error.what();
    if (message.find(part) != std::string::npos) return;
  }
  FailCheck(file, line, std::string(what) + ": `" + part + "` expected, got: " + message);
}

}  // namespace eie

#endif  // EIE_TESTS_CHECK_H_

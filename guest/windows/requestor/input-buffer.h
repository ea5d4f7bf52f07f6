/* What came on the input and was not looked at yet: whole lines, and the beginning of one. It allocates nothing after its birth. */
#ifndef SNAPHOOK_INPUT_BUFFER_H
#define SNAPHOOK_INPUT_BUFFER_H

#include <cstddef>
#include <string>
#include <vector>

namespace snaphook {

inline constexpr char RELEASE_BYTE = 'T';

class InputBuffer {
   public:
    /* A longer line becomes one that is no command. */
    static constexpr size_t MAX_LINE = 64 * 1024;
    /* Of lines that nobody took yet: whoever sends more without waiting for an answer is no client of ours. */
    static constexpr size_t CAPACITY = 4 * MAX_LINE;

    InputBuffer() : bytes_(CAPACITY) {}

    /*
     * Adds what arrived; true when it has a release byte and `held` says that there is something to release. Release bytes
     * where a line would begin, and the one that released, are not kept.
     */
    bool push(const char *bytes, size_t count, bool held);

    /* The next whole line without its end. False: there is none. */
    bool take_line(std::string *line);

    /* More came than fits. Nothing else can be said about the input then. */
    bool overflowed() const { return overflowed_; }

    /* Everything that is left as it came, an unfinished line included. */
    std::string take_rest();

   private:
    void add(char byte);

    std::vector<char> bytes_;
    size_t used_ = 0;
    size_t line_length_ = 0;
    bool overflowed_ = false;
};

}  // namespace snaphook

#endif
